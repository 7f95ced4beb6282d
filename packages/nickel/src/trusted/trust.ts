// Whose files may be evaluated: those that nobody but this process's user and the superuser can have written.
import { statSync } from "node:fs";

const OTHERS_MAY_WRITE = 0o002;
const STICKY = 0o1000;
const SUPERUSER = 0;

/** Why a file is not to be trusted, or undefined. `user` is a numeric id; where the system has none (Windows), owners are not looked at. */
export function distrust(files: readonly string[], user = process.geteuid?.()): string | undefined {
  for (const file of files) {
    const { uid, mode } = statSync(file);
    if (user !== undefined && uid !== user && uid !== SUPERUSER) return `${file} belongs to another user (${uid})`;
    if ((mode & OTHERS_MAY_WRITE) !== 0 && (mode & STICKY) === 0) return `everybody may write ${file}`;
  }
  return undefined;
}
