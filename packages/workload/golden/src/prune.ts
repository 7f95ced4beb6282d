// Removes images that nobody keeps: retired and rejected ones, and candidates that a newer image has overtaken or that are too old.
import { failpoint, toTriplaneError } from "@triplane/contract";
import { goldenAge, goldenState, type Image } from "@triplane/vm-pool";
import { type GoldenParts, nowSOf } from "./parts.ts";
import { isUnproven, nameOf } from "./sweep.ts";

export interface Pruned {
  readonly removed: readonly string[];
  /** What runners still use: a later prune takes it. */
  readonly inUse: readonly string[];
}

/** Longer than any build and canary take: an unproven candidate of another machine is then nobody's. */
const UNPROVEN_S = 24 * 3600;

/** Throws what the provider throws, but for an image in use. */
export async function prune(parts: GoldenParts, signal: AbortSignal): Promise<Pruned> {
  const { images, say } = parts;
  const nowS = nowSOf(parts);
  const { current, spare, candidates } = goldenState(await images.list(signal), parts.platform);
  const over = (image: Image): boolean =>
    image.createdAtS < (current?.createdAtS ?? 0) ||
    goldenAge(image, nowS).verdict === "too-old" ||
    (isUnproven(image) && nowS - image.createdAtS > UNPROVEN_S);
  const [removed, inUse]: [string[], string[]] = [[], []];
  for (const image of [...spare, ...candidates.filter(over)]) {
    failpoint("golden.before-remove");
    try {
      await images.remove(image, signal);
    } catch (error) {
      const { code, message } = toTriplaneError(error);
      if (code !== "provider_busy") throw error;
      say(`${nameOf(image)} stays for now: ${message}`);
      inUse.push(nameOf(image));
      continue;
    }
    failpoint("golden.after-remove");
    removed.push(nameOf(image));
  }
  return { removed, inUse };
}
