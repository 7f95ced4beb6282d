// The nickel program asked about many expressions at once: one session of its REPL, which goes on after an error.
import { spawn } from "node:child_process";

/**
 * Of each expression, whether it evaluates as a whole. `definitions` come first; one that does not evaluate fails the session.
 * Every expression has to stand on one line.
 */
export async function accepted(
  program: string,
  definitions: readonly string[],
  expressions: readonly string[],
): Promise<readonly boolean[]> {
  const lines = [
    ...definitions,
    ...expressions.map((expression, index) => `std.seq (std.serialize 'Json (${expression})) "accepted ${index}"`),
    '"the end"',
  ];
  for (const line of lines) if (line.includes("\n")) throw new Error(`an expression of several lines: ${line.slice(0, 100)}`);
  const { stdout, stderr } = await run(program, `${lines.join("\n")}\n`);
  if (!stdout.includes('"the end"')) throw new Error(`the session ended early: ${stderr.slice(-2000)}`);
  const seen = new Set([...stdout.matchAll(/"accepted ([0-9]+)"/g)].map(([, index]) => Number(index)));
  return expressions.map((_, index) => seen.has(index));
}

function run(program: string, input: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((settle, fail) => {
    const child = spawn(program, ["repl"], { stdio: "pipe", env: {} });
    const said: Record<"stdout" | "stderr", string[]> = { stdout: [], stderr: [] };
    for (const name of ["stdout", "stderr"] as const) child[name].setEncoding("utf8").on("data", (chunk: string) => said[name].push(chunk));
    child.on("error", fail);
    child.on("close", () => settle({ stdout: said.stdout.join(""), stderr: said.stderr.join("") }));
    child.stdin.end(input);
  });
}
