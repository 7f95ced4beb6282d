// git as an attacker with write access to a remote would use it. For tests.
import { execFileSync } from "node:child_process";

export async function runGitIn(repo: string, args: readonly string[]): Promise<string> {
  return execFileSync("git", [`--git-dir=${repo}`, ...args], { encoding: "utf8" });
}

export async function listRefsOf(repo: string, prefix: string): Promise<ReadonlyMap<string, string>> {
  const output = await runGitIn(repo, ["for-each-ref", "--format=%(refname) %(objectname)", prefix]);
  return new Map(output.split("\n").flatMap((line) => (line === "" ? [] : [line.split(" ") as [string, string]])));
}
