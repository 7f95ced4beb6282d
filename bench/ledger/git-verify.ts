// What git itself takes to verify a ledger's commits: the same signatures on them, checked by git and ssh-keygen.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SigningKey } from "@triplane/contract";

/** Commits a second by `git verify-commit`, one call a commit, as whoever has only git would do it; each starts ssh-keygen. */
export function gitCommitsPerSecond(repoDir: string, key: SigningKey, count: number, folder: string): number {
  const signers = join(folder, "allowed-signers");
  writeFileSync(signers, `* namespaces="git" ${sshKey(key)}\n`);
  const git = (args: readonly string[], stdio: "pipe" | "ignore" = "pipe") =>
    execFileSync("git", [`--git-dir=${repoDir}`, "-c", `gpg.ssh.allowedSignersFile=${signers}`, ...args], {
      encoding: "utf8",
      stdio: ["ignore", stdio, stdio],
      maxBuffer: 64 * 1024 * 1024,
    });
  const commits = git(["rev-list", `--max-count=${count}`, "main"])
    .trim()
    .split("\n");
  const startedMs = performance.now();
  for (const commit of commits) git(["verify-commit", commit], "ignore");
  return (commits.length / (performance.now() - startedMs)) * 1000;
}

function sshKey(key: SigningKey): string {
  const field = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([field(Buffer.from("ssh-ed25519")), field(key.publicKey)]);
  return `ssh-ed25519 ${blob.toString("base64")}`;
}
