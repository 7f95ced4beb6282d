// A builder: a folder whose lock one command has at a time, and whose name everything that it makes carries.
import { join } from "node:path";
import { type Random, TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere, tryProcessLock } from "@triplane/kit";

/** Runs `work` as the builder of that folder. Throws `golden_locked` while another process is. */
export async function asBuilder<T>(folder: string, random: Random, work: (name: string) => Promise<T>): Promise<T> {
  await ensurePrivateFolder(folder);
  const lock = await tryProcessLock(join(folder, "lock"));
  if ("heldBy" in lock) throw new TriplaneError("golden_locked", `process ${lock.heldBy} changes golden images (${folder})`);
  try {
    return await work(await nameOf(folder, random));
  } finally {
    await lock.release();
  }
}

/** Made once, and then kept: a command that comes after a crash knows by it what is its own. */
async function nameOf(folder: string, random: Random): Promise<string> {
  const file = join(folder, "builder");
  const there = (await readFileIfThere(file))?.trim();
  if (there !== undefined && /^golden-[0-9a-f]{12}$/.test(there)) return there;
  const name = `golden-${Buffer.from(random.bytes(6)).toString("hex")}`;
  await atomicWriteFile(file, `${name}\n`);
  return name;
}
