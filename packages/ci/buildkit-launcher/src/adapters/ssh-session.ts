// The files of one connection to a runner: the build's own key, the pinned host key, the shared socket; all in one private folder.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Lease, TriplaneError } from "@triplane/contract";
import { knownHostsLine, type SshTarget, sshOptions } from "./ssh.ts";

const run = promisify(execFile);

/** A key that is made for one build and thrown away with it. */
export interface BuildKeys extends AsyncDisposable {
  readonly folder: string;
  readonly keyFile: string;
  /** One line of OpenSSH, without a comment. */
  readonly publicKey: string;
}

/** Throws `tool_missing` without ssh-keygen. */
export async function makeKeys(): Promise<BuildKeys> {
  // The socket's path has to be short: 104 bytes are all that some systems have for it.
  const folder = await mkdtemp(join(tmpdir().length > 60 ? "/tmp" : tmpdir(), "tpb-"));
  const keyFile = join(folder, "key");
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keyFile]);
    const publicKey = (await readFile(`${keyFile}.pub`, "utf8")).trim();
    return { folder, keyFile, publicKey, [Symbol.asyncDispose]: remove };
  } catch (cause) {
    await remove();
    throw new TriplaneError("tool_missing", "ssh-keygen cannot be run", {
      cause,
      hint: "Install OpenSSH's client: apt install openssh-client.",
    });
  }
}

/** Throws `lease_ended` where a lease that is said to be ready names no runner. */
export async function targetOf(lease: Lease, keys: BuildKeys): Promise<SshTarget> {
  const { host, port, user, host_key: hostKey } = lease;
  if (host === undefined || port === undefined || user === undefined || hostKey === undefined)
    throw new TriplaneError("lease_ended", `the lease ${lease.lease_id} is ready, but does not say where its runner is`);
  // They become words of a command line.
  if (!/^[A-Za-z0-9][A-Za-z0-9.:-]*$/.test(host) || !/^[a-z_][a-z0-9_-]*$/.test(user) || !/^ssh-ed25519 [A-Za-z0-9+/]+=*$/.test(hostKey))
    throw new TriplaneError("lease_ended", `the lease ${lease.lease_id} has an address or a host key that is none`);
  const number = lease.lease_id.slice(-8);
  const target: SshTarget = {
    ...{ host, port, user, hostKey, keyFile: keys.keyFile },
    knownHostsFile: join(keys.folder, `known-${number}`),
    controlPath: join(keys.folder, `c-${number}`),
  };
  await writeFile(target.knownHostsFile, knownHostsLine(target), { mode: 0o600 });
  return target;
}

/** Ends the shared connection. */
export async function hangUp(target: SshTarget): Promise<void> {
  await run("ssh", [...sshOptions(target), "-O", "exit", "--", `${target.user}@${target.host}`]).catch(() => undefined);
}
