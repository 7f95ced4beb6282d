// The parts of a command on golden images, for tests: a builder of its own, quick, with a canary that answers.
import { systemClock } from "@triplane/kit";
import { seededRandom } from "@triplane/testkit";
import { GOLDEN_LABELS, type Provider } from "@triplane/vm-pool";
import { ContentsShelf } from "../contents/shelf.ts";
import type { GoldenImages } from "../images.ts";
import type { GoldenParts } from "../parts.ts";
import { fakeShell } from "./fake-shell.ts";

export interface PartsInput {
  readonly images: GoldenImages;
  readonly provider: Provider;
  /** For lists of contents. */
  readonly folder: string;
  readonly seed?: string;
}

export function partsFor({ images, provider, folder, seed = "1" }: PartsInput, more: Partial<GoldenParts> = {}): GoldenParts {
  return {
    ...{ images, provider, platform: "linux/amd64", providerName: provider.capabilities.name, builder: "golden-0123456789ab" },
    ...{ shelf: new ContentsShelf(folder, undefined), shell: fakeShell().shell, clock: systemClock, random: seededRandom(seed) },
    ...{ bootWithinMs: 10_000, pollMs: 5, say: () => undefined },
    ...more,
  };
}

/** Which image has which role, oldest first: `current previous`. */
export async function goldenRoles(images: GoldenImages, signal: AbortSignal): Promise<readonly string[]> {
  return (await images.list(signal))
    .toSorted((a, b) => a.createdAtS - b.createdAtS || Number(a.id) - Number(b.id))
    .map(({ labels }) => labels[GOLDEN_LABELS.role] ?? "");
}
