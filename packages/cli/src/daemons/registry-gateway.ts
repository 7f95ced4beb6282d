// The program `registry-gateway`.
import { runRegistryGateway } from "@triplane/registry";

process.exitCode = await runRegistryGateway(process.argv.slice(2), process.env);
