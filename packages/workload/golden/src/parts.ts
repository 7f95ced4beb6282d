// What every command on golden images works with.
import type { Clock, Random } from "@triplane/contract";
import type { Image, Provider, Server } from "@triplane/vm-pool";
import type { ContentsShelf } from "./contents/shelf.ts";
import type { GoldenImages } from "./images.ts";

export interface ShellEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Who logs in, and as what the other end has to show itself. */
export interface CanaryLogin {
  readonly address: NonNullable<Server["address"]>;
  /** OpenSSH PEM. */
  readonly key: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
}

/**
 * Runs a script of a POSIX shell on a canary; scripts are constants of ours.
 * Throws `runner_unreachable` where no connection is to be had, `runner_host_key` where another machine answers.
 */
export type CanaryShell = (login: CanaryLogin, script: string, signal: AbortSignal) => Promise<ShellEnd>;

export interface GoldenParts {
  readonly images: GoldenImages;
  readonly provider: Provider;
  readonly platform: Image["platform"];
  /** Name of the provider: part of names in the registry. */
  readonly providerName: string;
  /** Label of this builder: what carries it and is not under way now was left by one that died. */
  readonly builder: string;
  readonly shelf: ContentsShelf;
  readonly shell: CanaryShell;
  readonly clock: Clock;
  readonly random: Random;
  /** Longest time until a canary lets one log in and its buildkitd answers. */
  readonly bootWithinMs: number;
  /** Between two looks at a canary that boots. */
  readonly pollMs: number;
  /** One line for people. */
  say(line: string): void;
}

export function nowSOf({ clock }: Pick<GoldenParts, "clock">): number {
  return Math.floor(clock.nowMs() / 1000);
}
