// The program `triplane`.
import { useCompileCache } from "./compile-cache.ts";

useCompileCache(process.env);
const { runProgram } = await import("./run-program.ts");
const { PROGRAM } = await import("./program.ts");
await runProgram(PROGRAM);
