// The program `validator`.
import { runValidator } from "@triplane/reflection";

process.exit(await runValidator(process.argv.slice(2), process.env));
