// The programs as a user has them on PATH, and an empty folder to use them in.
import { mkdir, readdir, symlink } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { type TempDir, tempDir } from "@triplane/testkit";

export const ROOT: string = resolve(import.meta.dirname, "../..");

export interface Installation extends AsyncDisposable {
  /** Empty. */
  readonly folder: string;
  /** With the programs of this repository, and the Node that runs this, first on PATH. */
  readonly env: NodeJS.ProcessEnv;
  /** Path of one of the programs. */
  program(name: string): string;
}

/** @example await using installed = await installation("tutorial"); */
export async function installation(label: string): Promise<Installation> {
  const temporary: TempDir = await tempDir(label);
  const bin = join(temporary.path, "bin");
  const folder = join(temporary.path, "work");
  await mkdir(bin);
  await mkdir(folder);
  const programs = join(ROOT, "packages/cli/bin");
  for (const file of await readdir(programs)) {
    if (file !== "with-node.mjs") await symlink(join(programs, file), join(bin, file.replace(/\.mjs$/, "")));
  }
  const path = [bin, dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
  const { TRIPLANE_HOME: _home, TRIPLANE_AS: _as, ...env } = process.env;
  const program = (name: string): string => join(bin, name);
  return { folder, program, env: { ...env, PATH: path }, [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]() };
}
