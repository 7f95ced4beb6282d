// Promotion and rollback: changes of labels, each finished by the next command where a crash cut it short; then what nobody keeps is removed.
import { failpoint, TriplaneError } from "@triplane/contract";
import { GOLDEN_LABELS, type GoldenPlan, type GoldenState, goldenState, type Image, promote, rollBack } from "@triplane/vm-pool";
import type { StoredContents } from "./contents/shelf.ts";
import { type GoldenParts, nowSOf } from "./parts.ts";
import { prune } from "./prune.ts";

export interface Changed {
  /** Current now; a candidate where nothing was promoted. */
  readonly image: Image;
  readonly previous: Image | undefined;
  readonly contents: StoredContents;
  readonly removed: readonly string[];
}

/** Makes a proven candidate current. For the current one it finishes what a crash cut short. Throws `golden_refused`, `golden_contents`. */
export async function promoteCandidate(parts: GoldenParts, id: string, signal: AbortSignal): Promise<Changed> {
  const state = await stateOf(parts, signal);
  const plan = promote(state, id, nowSOf(parts));
  const changes = changesOf(plan);
  const image = [...(state.current === undefined ? [] : [state.current]), ...state.candidates].find((each) => each.id === id);
  const version = image?.labels[GOLDEN_LABELS.version];
  if (image === undefined || version === undefined) throw new TriplaneError("golden_refused", `image ${id} has no version`);
  const contents = await parts.shelf.publish(version, { imageId: id, createdAtS: image.createdAtS }, signal);
  await applied(parts, changes, signal);
  return await done(parts, contents, signal);
}

/** Makes the previous image current, and rejects the one that is. Throws `golden_refused`. */
export async function rollBackGolden(parts: GoldenParts, signal: AbortSignal): Promise<Changed> {
  const state = await stateOf(parts, signal);
  await applied(parts, changesOf(rollBack(state, nowSOf(parts))), signal);
  const file = await parts.shelf.fileOf(state.previous?.labels[GOLDEN_LABELS.version]);
  return await done(parts, { file, reference: undefined }, signal);
}

/** The only candidate that is proven, or the newest of them. Throws `golden_refused` where there is none. */
export async function newestProven(parts: GoldenParts, signal: AbortSignal): Promise<string> {
  const { candidates } = await stateOf(parts, signal);
  const proven = candidates.find(({ labels }) => labels[GOLDEN_LABELS.smoke] === "passed");
  if (proven === undefined) throw new TriplaneError("golden_refused", "there is no candidate that has passed the smoke build");
  return proven.id;
}

async function stateOf({ images, platform }: GoldenParts, signal: AbortSignal): Promise<GoldenState> {
  return goldenState(await images.list(signal), platform);
}

async function applied(parts: GoldenParts, changes: Extract<GoldenPlan, { do: "change" }>["changes"], signal: AbortSignal): Promise<void> {
  for (const change of changes) {
    failpoint("golden.before-change");
    await parts.images.change(change, signal);
    failpoint("golden.after-change");
    parts.say(`${change.labels[GOLDEN_LABELS.version] ?? change.image}: ${change.labels[GOLDEN_LABELS.role]}`);
  }
}

async function done(parts: GoldenParts, contents: StoredContents, signal: AbortSignal): Promise<Changed> {
  const { current, previous } = await stateOf(parts, signal);
  if (current === undefined) throw new TriplaneError("provider_failed", "no image is current after the change");
  const versionOf = (image: Image | undefined): string | undefined => image?.labels[GOLDEN_LABELS.version];
  await parts.shelf.follow({ current: versionOf(current), previous: versionOf(previous) }, signal);
  const { removed } = await prune(parts, signal);
  return { image: current, previous, contents, removed };
}

function changesOf(plan: GoldenPlan): Extract<GoldenPlan, { do: "change" }>["changes"] {
  if (plan.do === "change") return plan.changes;
  throw new TriplaneError("golden_refused", plan.why, { hint: plan.hint });
}
