// The program `keeper-cli`: the keeper commands of `triplane`, under the name that the field knows.
import { useCompileCache } from "./compile-cache.ts";

useCompileCache(process.env);
const { runProgram } = await import("./run-program.ts");
const { KEEPER_PROGRAM } = await import("./program.ts");
await runProgram(KEEPER_PROGRAM);
