// The state file: what an earlier run left.
import { TriplaneError } from "@triplane/contract";
import { readFileIfThere } from "@triplane/kit";
import { z } from "zod";
import type { WorldState } from "./world/types.ts";

// Its own earlier output: the outline is checked, so that another file is refused and not filled with nonsense.
const thing = z.looseObject({ id: z.int().min(1) });
const stateSchema = z.strictObject({
  version: z.literal(1),
  nextId: z.int().min(1),
  servers: z.array(thing.extend({ name: z.string(), status: z.string(), serverType: z.string(), location: z.string() })),
  images: z.array(thing.extend({ status: z.string(), architecture: z.string() })),
  sshKeys: z.array(thing.extend({ name: z.string(), publicKey: z.string() })),
  actions: z.array(thing.extend({ command: z.string(), durationMs: z.number() })),
});

/** undefined where there is none yet. Throws `config_invalid` where it is something else. */
export async function readState(path: string): Promise<WorldState | undefined> {
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  try {
    const state: unknown = JSON.parse(text);
    stateSchema.parse(state);
    return state as WorldState;
  } catch (error) {
    throw new TriplaneError("config_invalid", `${path} is not a state file of hcloud-sim`, { cause: error });
  }
}
