// Names of runners and of what belongs to them on the machine.
//
// 1. Every interface, cgroup and container of ours begins with `tpr-`, and is named by the runner's id alone: nothing has to be remembered to find it.
import { TriplaneError } from "@triplane/contract";

/** `tpr-` and eleven hexadecimal digits: as long as the name of a network interface may be. */
export const RUNNER_ID_PATTERN: RegExp = /^tpr-[0-9a-f]{11}$/;

const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function newRunnerId(random: Uint8Array): string {
  return `tpr-${Buffer.from(random).toString("hex").slice(0, 11)}`;
}

/** Throws `provider_failed` for a name that is no host name: it becomes a folder. */
export function checkedName(name: string): string {
  if (!HOST_NAME.test(name)) throw new TriplaneError("provider_failed", `${JSON.stringify(name).slice(0, 100)} is not a host name`);
  return name;
}
