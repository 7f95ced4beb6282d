// Every byte that a workspace wrote, as an attacker with all its files and all its output would read it.
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

export interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

/** All files below a folder, but those whose path (relative to it) `isHome` says are where a secret lives. */
export async function filesBelow(folder: string, isHome: (path: string) => boolean): Promise<readonly Place[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const kept = files.filter((path) => !isHome(relative(folder, path)));
  return await Promise.all(kept.map(async (path) => ({ name: relative(folder, path), bytes: await readFile(path) })));
}

/** Every object of a git repository, unpacked: on disk they are compressed. */
export async function gitObjects(repoDir: string): Promise<Place> {
  const child = spawn("git", ["--git-dir", repoDir, "cat-file", "--batch", "--batch-all-objects"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  return { name: `objects of ${repoDir}`, bytes: Buffer.concat(chunks) };
}

/** A text as it could be written: as it is, in the encodings that a program may put it into, and in signed objects inside signed objects. */
export function forms(text: string): readonly Buffer[] {
  const plain = [text, Buffer.from(text).toString("hex"), encodeURIComponent(text), JSON.stringify(text).slice(1, -1)];
  // A record holds a decision, which holds an op: three times base64url.
  const once = encoded(text);
  const twice = once.flatMap(encoded);
  return [...plain, ...once, ...twice, ...twice.flatMap(encoded)].map((form) => Buffer.from(form));
}

/** Base64url of a text inside a longer one depends on where it starts; the characters at both ends depend on what is around it. */
function encoded(text: string): readonly string[] {
  return [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
    return whole.toString("base64url").slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
  });
}

export function holds(place: Place, text: string): boolean {
  return forms(text).some((form) => place.bytes.includes(form));
}

/** `<canary> in <place>` for each that is found. */
export function found(canaries: ReadonlyMap<string, string>, places: readonly Place[]): readonly string[] {
  return [...canaries].flatMap(([name, secret]) => {
    return places.filter((place) => holds(place, secret)).map((place) => `${name} in ${place.name}`);
  });
}
