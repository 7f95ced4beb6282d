// oras, a client by other people, with the credentials that it is given and no memory of others.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findTool, systemRandom } from "@triplane/kit";
import type { RegistryPlace } from "./registry-place.ts";

const run = promisify(execFile);

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface OrasAnswer {
  readonly ok: boolean;
  readonly text: string;
}

export type Oras = (...args: readonly string[]) => Promise<OrasAnswer>;

/** Runs oras in a folder of its own. `login` undefined asks without any. */
export async function orasAs(place: Pick<RegistryPlace, "folder" | "registry">, login: Login | undefined): Promise<Oras> {
  const { path: program } = await findTool("oras");
  const folder = join(place.folder, `oras-${Buffer.from(systemRandom.bytes(4)).toString("hex")}`);
  await mkdir(folder);
  await writeFile(join(folder, "file.txt"), `content ${folder}\n`);
  const auth = login === undefined ? {} : { auth: Buffer.from(`${login.username}:${login.password}`).toString("base64") };
  await writeFile(join(folder, "auth.json"), JSON.stringify({ auths: { [place.registry]: auth } }));
  return async (...args) => {
    const flags = ["--plain-http", "--registry-config", join(folder, "auth.json")];
    try {
      const { stdout, stderr } = await run(program, [...args, ...flags], { cwd: folder, timeout: 60_000 });
      return { ok: true, text: stdout + stderr };
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return { ok: false, text: stdout + stderr };
    }
  };
}
