// The remembered state in one file, replaced atomically.
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import type { StateStore } from "../ports.ts";
import { syncStateSchema } from "../state.ts";

/** Reading throws `config_invalid` for a file that is not ours: starting over could apply an old commit again. */
export function stateFile(path: string): StateStore {
  return {
    async read() {
      const text = await readFileIfThere(path);
      if (text === undefined) return undefined;
      try {
        return syncStateSchema.parse(JSON.parse(text));
      } catch (cause) {
        throw new TriplaneError("config_invalid", `${path} is not a state file of desired-sync`, { cause });
      }
    },
    write: (state) => atomicWriteFile(path, `${JSON.stringify(state)}\n`),
  };
}
