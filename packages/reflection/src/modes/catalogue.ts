// The modes of a provisioning root: files in reflection/modes, each named like its mode.
import { access } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { namesIfThere } from "@triplane/kit";
import { readShaped } from "../shape/read-shaped.ts";
import { graphProblems } from "./graph.ts";
import { type Mode, modeSchema } from "./schema.ts";

export const MODES_FOLDER = "reflection/modes";

/** Where runs get modes from; playbooks bring their own. */
export interface ModeSource {
  /** Throws `mode_unknown`, `mode_invalid` or a nickel failure. */
  load(id: string): Promise<Mode>;
}

export interface ModeEntry {
  readonly id: string;
  /** Path from the provisioning root. */
  readonly file: string;
  /** One of the two. */
  readonly mode?: Mode;
  readonly failure?: TriplaneError;
}

export interface ModeCatalogue extends ModeSource {
  /** All, by id; what cannot be loaded comes with its failure. */
  list(): Promise<readonly ModeEntry[]>;
}

export interface ModeOptions {
  /** Absolute path of the provisioning root. */
  readonly root: string;
  /** See `readShaped`. */
  readonly nickel?: string | undefined;
}

/** The folder itself, else its subfolder `provisioning`, else the same of a parent. Throws `provisioning_missing`. */
export async function findProvisioningRoot(from: string): Promise<string> {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    for (const candidate of [folder, join(folder, "provisioning")]) if (await isThere(join(candidate, MODES_FOLDER))) return candidate;
    if (dirname(folder) === folder)
      throw new TriplaneError("provisioning_missing", `neither ${resolve(from)} nor a folder above it has ${MODES_FOLDER}`);
  }
}

/** Reads a mode's file. `file` is a path from the root. Throws `mode_invalid` or a nickel failure, each with file, line and column. */
export async function readMode(file: string, options: ModeOptions): Promise<Mode> {
  const expected = file
    .split("/")
    .at(-1)
    ?.replace(/\.ncl$/, "");
  return await readShaped(
    { ...options, file },
    {
      schema: modeSchema,
      code: "mode_invalid",
      whole: "the mode",
      further: (mode) => [
        ...(mode.id === expected ? [] : [{ path: ["id"], message: `must be "${expected}", as the file is named` }]),
        ...graphProblems(mode.steps),
      ],
    },
  );
}

export function openModes(options: ModeOptions): ModeCatalogue {
  const fileOf = (id: string) => `${MODES_FOLDER}/${id}.ncl`;
  return {
    load: async (id) => {
      const known = /^[a-z0-9-]{1,64}$/.test(id) && (await isThere(join(options.root, fileOf(id))));
      if (!known) throw new TriplaneError("mode_unknown", `there is no mode ${JSON.stringify(id)} in ${join(options.root, MODES_FOLDER)}`);
      return await readMode(fileOf(id), options);
    },
    list: async () => {
      const names = (await namesIfThere(join(options.root, MODES_FOLDER))).filter((name) => name.endsWith(".ncl")).sort();
      return await Promise.all(
        names.map(async (name): Promise<ModeEntry> => {
          const id = name.slice(0, -".ncl".length);
          const file = fileOf(id);
          try {
            return { id, file, mode: await readMode(file, options) };
          } catch (error) {
            return { id, file, failure: toTriplaneError(error) };
          }
        }),
      );
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
