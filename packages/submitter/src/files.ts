// Files of the outbox: ones that appear whole or not at all, in folders that survive a power cut.
import { link, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Random } from "@triplane/contract";
import { ensurePrivateFolder, isErrno, namesIfThere, syncFolder } from "@triplane/kit";

/** Makes a file appear with all its content, on disk, unless the name is taken. Says whether it did. */
export async function createWhole(path: string, text: string, random: Random): Promise<boolean> {
  const folder = dirname(path);
  const temporary = join(folder, `.${Buffer.from(random.bytes(9)).toString("hex")}.tmp`);
  const file = await open(temporary, "wx", 0o600);
  try {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
  return true;
}

/** A private folder whose own name is on disk too; its parent must be there, or is created. */
export async function durableFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (isErrno(error, "EEXIST")) return;
    if (!isErrno(error, "ENOENT")) throw error;
    await ensurePrivateFolder(path);
  }
  await syncFolder(dirname(path));
}

/** Names in a folder, hidden ones left out; none where there is no folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return (await namesIfThere(folder)).filter((name) => !name.startsWith("."));
}
