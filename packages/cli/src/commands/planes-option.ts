// The option that chooses planes.
import { TriplaneError } from "@triplane/contract";
import { list } from "../framework/parameters.ts";
import { PLANES, type Plane } from "../planes/process-spec.ts";

export const planesOption = list("PLANE", `Only this plane: ${PLANES.join(", ")}`);

/** The chosen planes in starting order; all of them where none is chosen. Throws `usage`. */
export function chosenPlanes(names: readonly string[]): readonly Plane[] {
  const unknown = names.find((name) => !PLANES.some((plane) => plane === name));
  if (unknown !== undefined) throw new TriplaneError("usage", `--plane ${unknown}: there are ${PLANES.join(", ")}`);
  return names.length === 0 ? PLANES : PLANES.filter((plane) => names.includes(plane));
}
