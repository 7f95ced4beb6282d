// The program `triplane`.
import { PROGRAM } from "./program.ts";
import { runProgram } from "./run-program.ts";

await runProgram(PROGRAM);
