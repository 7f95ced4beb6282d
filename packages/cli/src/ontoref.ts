// The program `ontoref`: the modes of `triplane` and their runs, under the name that the field knows.
import { ONTOREF_PROGRAM } from "./program.ts";
import { runProgram } from "./run-program.ts";

await runProgram(ONTOREF_PROGRAM);
