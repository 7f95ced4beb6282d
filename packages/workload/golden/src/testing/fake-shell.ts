// A canary that is not there: answers the scripts of ours as a runner does. What a real one says is tested with real runners.
import { TriplaneError } from "@triplane/contract";
import type { CanaryLogin, CanaryShell } from "../parts.ts";

export interface FakeShell {
  readonly shell: CanaryShell;
  /** Whom somebody logged in to. */
  readonly logins: CanaryLogin[];
}

const CONTENTS = [
  "suite:bookworm",
  "package:libc6\t2.36-9+deb12u14\tamd64\tglibc\tinstalled",
  "package:rsync\t3.2.7-1+deb12u2\tamd64\trsync\tinstalled",
  "program:buildkitd:buildkitd github.com/moby/buildkit v0.32.2 ",
  "program:buildctl:buildctl github.com/moby/buildkit v0.32.2 ",
  "",
].join("\n");

export interface FakeShellOptions {
  /** So often nobody answers at first. */
  readonly silent?: number;
  /** The build fails so. */
  readonly broken?: string;
  readonly wrongHostKey?: boolean;
  readonly contents?: string;
}

export function fakeShell({ silent = 0, broken, wrongHostKey = false, contents = CONTENTS }: FakeShellOptions = {}): FakeShell {
  const logins: CanaryLogin[] = [];
  let left = silent;
  const shell: CanaryShell = async (login, script) => {
    logins.push(login);
    if (wrongHostKey) throw new TriplaneError("runner_host_key", `${login.address.host} does not have the host key`);
    if (left > 0) {
      left -= 1;
      throw new TriplaneError("runner_unreachable", "Connection refused");
    }
    const nonce = /echo ([a-z0-9]{8,64}) > context\/nonce/.exec(script)?.[1];
    if (nonce !== undefined && broken !== undefined) return { exitCode: 1, stdout: "", stderr: `#5 ERROR: ${broken}\nerror: ${broken}\n` };
    if (nonce !== undefined)
      return {
        exitCode: 0,
        stdout: `result:${nonce}\nstats:{"oom_kills":0,"peak_memory_mib":12}\n`,
        stderr: "#8 0.051 buildctl github.com/moby/buildkit v0.32.2 \n",
      };
    return { exitCode: 0, stdout: script.includes("dpkg-query") ? contents : "", stderr: "" };
  };
  return { shell, logins };
}
