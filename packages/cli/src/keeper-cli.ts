// The program `keeper-cli`: the keeper commands of `triplane`, under the name that the field knows.
import { KEEPER_PROGRAM } from "./program.ts";
import { runProgram } from "./run-program.ts";

await runProgram(KEEPER_PROGRAM);
