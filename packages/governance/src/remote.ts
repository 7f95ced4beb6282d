// Remotes: which addresses are taken, and where each repository lies there.
import { mkdir, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { Remote } from "./site.ts";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
// What a shell, git or ssh could take for something else than an address never comes in.
const URL_ADDRESS = /^(?:https|ssh|file):\/\/[A-Za-z0-9[/][A-Za-z0-9@:._~/[\]%+-]*$/;
const SCP_ADDRESS = /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~/-]+$/;

/** Checks a remote before it is stored or used. Throws `usage`. */
export function assertRemote(remote: Remote): Remote {
  if (!NAME.test(remote.name)) throw new TriplaneError("usage", `${JSON.stringify(remote.name.slice(0, 60))} is not a name for a remote`);
  assertAddress(remote.url);
  return remote;
}

/** Throws `usage` for what is neither an absolute path nor an https, ssh or file address. */
export function assertAddress(url: string): string {
  const isPath = isAbsolute(url) && !/[\p{Cc}]/u.test(url);
  if (!isPath && !URL_ADDRESS.test(url) && !SCP_ADDRESS.test(url))
    throw new TriplaneError("usage", `${JSON.stringify(url.slice(0, 200))} is no address of a remote`, {
      hint: "An absolute path, or https://…, ssh://…, file://…, user@host:path.",
    });
  return url;
}

/** Where a repository lies at a remote: the layout of a storage folder, here and of Radicle. */
export function addressOf(remote: Remote, rid: string): string {
  return `${remote.url.replace(/\/+$/, "")}/${rid.slice("rad:".length)}`;
}

/** Makes the folder that a repository will lie in, where the remote is a folder that exists. Returns whether it has to be initialised. */
export async function prepareFolder(remote: Remote, rid: string): Promise<string | undefined> {
  if (!isAbsolute(remote.url)) return undefined;
  const root = await stat(remote.url).catch(() => undefined);
  if (root?.isDirectory() !== true)
    throw new TriplaneError("remote_failed", `${remote.url} is no folder`, {
      hint: "Make the folder first; a path that is not mounted must not fill up.",
    });
  const folder = addressOf(remote, rid);
  if ((await stat(join(folder, "objects")).catch(() => undefined)) !== undefined) return undefined;
  await mkdir(folder, { recursive: true });
  return folder;
}
