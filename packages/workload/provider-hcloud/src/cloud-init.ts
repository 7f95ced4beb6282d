// The user data of a runner: cloud-init's configuration as JSON, which is YAML, so that no value can break out of its place.
//
// 1. The runner's host key is the one that the pool made: sshd never has another one.
// 2. The metadata service, which tells the user data to any process, is unreachable before sshd starts, and so before any step of a build.
// 3. The runner switches itself off at the dead-man time, by the clock and by its own uptime. A server that is off still costs: the reaper deletes it.
import { TriplaneError } from "@triplane/contract";

/** The API's limit. */
export const MAX_USER_DATA_BYTES: number = 32 * 1024;

export interface RunnerBoot {
  /** OpenSSH, one line. */
  readonly authorizedKey: string;
  /** `private`: an OpenSSH PEM, `public`: one line. */
  readonly hostKey: { readonly private: string; readonly public: string };
  /** Seconds since 1970. */
  readonly deadManAtS: number;
  /** Seconds since 1970, of whoever asks. */
  readonly nowS: number;
}

const PUBLIC_KEY = /^ssh-ed25519 [A-Za-z0-9+/]{43,100}={0,2}$/;
const PRIVATE_KEY = /^-----BEGIN OPENSSH PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]{1,100}\n){1,40}-----END OPENSSH PRIVATE KEY-----\n?$/;
const MAX_RUNNER_S = 7 * 24 * 3600;

/** Throws `provider_failed` where a value is not what it has to be: nothing was asked of the cloud then. */
export function runnerUserData(boot: RunnerBoot): string {
  if (!PUBLIC_KEY.test(withoutComment(boot.authorizedKey))) throw wrong("the authorized key is not one line of ssh-ed25519");
  if (!PUBLIC_KEY.test(withoutComment(boot.hostKey.public))) throw wrong("the public host key is not one line of ssh-ed25519");
  if (!PRIVATE_KEY.test(boot.hostKey.private)) throw wrong("the private host key is not an OpenSSH PEM");
  const { deadManAtS, nowS } = boot;
  const leftS = deadManAtS - nowS;
  if (!Number.isSafeInteger(deadManAtS) || !Number.isSafeInteger(nowS) || leftS < 1 || leftS > MAX_RUNNER_S)
    throw wrong(`the dead-man time ${deadManAtS} is not within a week from now`);
  return cloudConfig({
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: boot.hostKey.private, ed25519_public: withoutComment(boot.hostKey.public) },
    disable_root: false,
    ssh_pwauth: false,
    users: [],
    ssh_authorized_keys: [withoutComment(boot.authorizedKey)],
    bootcmd: [
      ["ip", "route", "replace", "blackhole", "169.254.169.254/32"],
      powerOff("clock", `--on-calendar=${calendar(deadManAtS)}`),
      powerOff("uptime", `--on-boot=${leftS}s`),
    ],
  });
}

/** `#cloud-config` and JSON in ASCII. Throws `provider_failed` where it is too large. */
export function cloudConfig(config: Readonly<Record<string, unknown>>): string {
  // What is outside of ASCII means something to YAML here and there (U+0085, U+2028): none of it is left.
  const json = JSON.stringify(config, null, 2).replaceAll(
    /[^\n\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const text = `#cloud-config\n${json}\n`;
  if (Buffer.byteLength(text) > MAX_USER_DATA_BYTES) throw wrong(`the user data has more than ${MAX_USER_DATA_BYTES} bytes`);
  return text;
}

/** `--no-block`: the timer waits for a stage of the boot that waits for cloud-init. */
function powerOff(name: string, when: string): readonly string[] {
  const unit = [`--unit=triplane-dead-man-${name}`, "--no-block", "--timer-property=AccuracySec=1s"];
  return ["systemd-run", ...unit, when, "/usr/bin/systemctl", "poweroff", "--force"];
}

/** As systemd.time(7) has it. */
function calendar(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function withoutComment(line: string): string {
  return line.trim().split(" ").slice(0, 2).join(" ");
}

function wrong(what: string): TriplaneError {
  return new TriplaneError("provider_failed", what, { hint: "This is a defect of whoever asked for the runner; nothing was made." });
}
