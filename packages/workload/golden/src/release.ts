// A golden image from nothing to current: sweep, build, boot a canary, smoke build, list its contents, promote, remove what nobody keeps.
//
// 1. What fails before the promotion leaves the current image current.
// 2. A candidate whose canary fails is rejected and removed; one whose list cannot be stored stays a candidate.
import { failpoint, toTriplaneError } from "@triplane/contract";
import { GOLDEN_LABELS, goldenState, type Image, reject, smokePassed } from "@triplane/vm-pool";
import { withCanary } from "./canary.ts";
import { type Changed, promoteCandidate } from "./change.ts";
import { readContents } from "./contents/packages.ts";
import type { StoredContents } from "./contents/shelf.ts";
import { spdxOf } from "./contents/spdx.ts";
import { type GoldenParts, nowSOf } from "./parts.ts";
import { smokeBuild } from "./smoke.ts";
import { sweep } from "./sweep.ts";

export interface Released extends Changed {
  readonly version: string;
  /** What an earlier command had left. */
  readonly swept: readonly string[];
  /** The image is the one that was current before: nothing in it has changed, and it is fresh again. */
  readonly unchanged: boolean;
  readonly promoted: boolean;
  readonly packages: number;
}

const LONGEST_MS = 10 * 60_000;

/** `promote` false leaves a proven candidate. Throws what went wrong, nothing of it being left. */
export async function releaseGolden(
  parts: GoldenParts,
  { promote }: { readonly promote: boolean },
  signal: AbortSignal,
): Promise<Released> {
  const swept = await sweep(parts, signal);
  const version = newVersion(parts);
  const { images, builder, say } = parts;
  failpoint("golden.before-build");
  const labels = {
    ...{ [GOLDEN_LABELS.owner]: "triplane", [GOLDEN_LABELS.role]: "candidate" },
    ...{ [GOLDEN_LABELS.version]: version, [GOLDEN_LABELS.builder]: builder },
  };
  say(`${version}: building …`);
  const built = await images.build({ version, labels, builder, say }, signal);
  failpoint("golden.after-build");
  const unchanged = built.labels[GOLDEN_LABELS.role] === "current";
  if (unchanged) say("the content is that of the current image: nothing has changed, and it is fresh again");
  const named = built.labels[GOLDEN_LABELS.version] ?? version;
  const packages = await proven(parts, built, { version, named, unchanged }, signal);
  if (!promote && !unchanged) {
    const stored: StoredContents = { file: await parts.shelf.fileOf(named), reference: undefined };
    const state = goldenState(await images.list(signal), parts.platform);
    return {
      version: named,
      swept,
      unchanged,
      promoted: false,
      packages,
      image: built,
      previous: state.current,
      contents: stored,
      removed: [],
    };
  }
  const changed = await promoteCandidate(parts, built.id, signal);
  return { ...changed, version: named, swept, unchanged, promoted: !unchanged, packages };
}

/** A canary of it boots, builds, and says what it has; the number of packages. */
async function proven(
  parts: GoldenParts,
  image: Image,
  about: { readonly version: string; readonly named: string; readonly unchanged: boolean },
  signal: AbortSignal,
): Promise<number> {
  const { images, say, shelf } = parts;
  const { version, named, unchanged } = about;
  try {
    const contents = await withCanary(
      parts,
      image,
      version,
      async (canary) => {
        say(`${canary.name}: smoke build …`);
        failpoint("golden.before-smoke");
        const { buildkit } = await smokeBuild(canary, Buffer.from(parts.random.bytes(16)).toString("hex"), signal);
        failpoint("golden.after-smoke");
        say(`${canary.name}: built and ran, ${buildkit}`);
        return await readContents(canary, signal);
      },
      signal,
    );
    const document = spdxOf({ ...contents, name: `${parts.providerName}/${named}`, imageId: image.id, createdAtS: image.createdAtS });
    failpoint("golden.before-contents");
    await shelf.keep(named, `${JSON.stringify(document, undefined, 1)}\n`);
    failpoint("golden.after-contents");
    if (!unchanged) await images.change(smokePassed(image), signal);
    return contents.packages.length;
  } catch (error) {
    if (!unchanged) await dropped(parts, image);
    throw error;
  }
}

/** Rejected first, so that `prune` gets it where removing it fails. */
async function dropped({ images, say }: GoldenParts, candidate: Image): Promise<void> {
  const signal = AbortSignal.timeout(LONGEST_MS);
  try {
    const change = reject(candidate);
    await images.change(change, signal);
    await images.remove({ ...candidate, labels: change.labels }, signal);
  } catch (error) {
    say(`the candidate ${candidate.id} could not be removed, \`golden prune\` will: ${toTriplaneError(error).message}`);
  }
}

/** By the clock, and unique: `20261123-120000-a1b2c3`. */
function newVersion(parts: GoldenParts): string {
  const time = new Date(nowSOf(parts) * 1000)
    .toISOString()
    .replaceAll(/[-:]|\..*/g, "")
    .replace("T", "-");
  return `${time}-${Buffer.from(parts.random.bytes(3)).toString("hex")}`;
}
