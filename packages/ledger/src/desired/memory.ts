// What a reader of the desired state remembers over restarts: the newest commits and identity revisions that it accepted.
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { z } from "zod";

const commit = z.string().regex(/^[0-9a-f]{40}$/);
const acceptedSchema = z.strictObject({ commit, identityRevision: commit });
const rememberedSchema = z.strictObject({ policy: acceptedSchema.optional(), desired: acceptedSchema.optional() });

export type Remembered = z.infer<typeof rememberedSchema>;

export interface DesiredMemory {
  read(): Promise<Remembered>;
  /** On disk when this returns. */
  write(what: Remembered): Promise<void>;
}

/** For whoever looks once. */
export function rememberNothing(): DesiredMemory {
  let kept: Remembered = {};
  return {
    read: async () => kept,
    write: async (what) => {
      kept = what;
    },
  };
}

/** In a file that is replaced as a whole. Reading throws `config_invalid` for one that does not read: forgetting would believe an older state. */
export function rememberInFile(path: string): DesiredMemory {
  return {
    async read() {
      const text = await readFileIfThere(path);
      if (text === undefined) return {};
      try {
        return rememberedSchema.parse(JSON.parse(text));
      } catch (cause) {
        throw new TriplaneError("config_invalid", `${path} is not what a reader of the desired state remembers`, {
          cause,
          hint: "It says which commits were accepted. Restore it from a backup; without it an older state would be believed.",
        });
      }
    },
    async write(what) {
      const text = `${JSON.stringify(what)}\n`;
      if ((await readFileIfThere(path)) !== text) await atomicWriteFile(path, text);
    },
  };
}
