// Runs a program of the system to its end; what it printed is the reason if it fails.
import { execFile } from "node:child_process";

export function runProgram(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: 180_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(" ")}: ${(stderr || error.message).trim()}`, { cause: error }));
    });
  });
}
