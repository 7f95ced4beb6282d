// A golden image from nothing to current: sweep, build, boot a canary, smoke build, promote, remove what nobody keeps.
//
// 1. What fails before the promotion leaves the current image current.
// 2. The canary is destroyed whatever became of its build. `runner-always-destroyed`
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import {
  type GoldenState,
  goldenState,
  type Image,
  type Offer,
  type Provider,
  promote,
  reject,
  rollBack,
  type Server,
  type ServerSpec,
  smokePassed,
} from "@triplane/vm-pool";
import { type GoldenBuild, type GoldenImages, goldenServerLabels } from "./images.ts";

export interface GoldenRelease {
  readonly images: GoldenImages;
  readonly provider: Provider;
  readonly build: GoldenBuild;
  /** What the canary is made as: a runner as any. */
  readonly offer: Offer;
  readonly keys: Pick<ServerSpec, "authorizedKey" | "hostKey">;
  readonly nowS: () => number;
  readonly logger: Logger;
  /** Boots and builds on the canary; throws where it does not. */
  smoke(canary: Server, signal: AbortSignal): Promise<void>;
}

const CANARY_S = 3600;
const DESTROY_MS = 10 * 60_000;

/** The image that is current now. Throws what went wrong; the failure of a smoke build is the one that `smoke` threw. */
export async function releaseGolden(release: GoldenRelease, signal: AbortSignal): Promise<Image> {
  const { images, build, offer, nowS, logger } = release;
  const swept = await images.sweep(signal);
  if (swept > 0) logger.warn({ swept }, "builders of an earlier run were destroyed");
  const candidate = await images.build(build, signal);
  try {
    await smokeTest(release, candidate, signal);
  } catch (error) {
    await images.apply([reject(candidate)], AbortSignal.timeout(DESTROY_MS));
    throw error;
  }
  await images.apply([smokePassed(candidate)], signal);
  const state = goldenState(await images.list(signal), offer.platform);
  const plan = promote(state, candidate.id, nowS());
  if (plan.do === "refuse") throw new TriplaneError("provider_failed", plan.why, { hint: plan.hint });
  await images.apply(plan.changes, signal);
  return await settled(images, offer.platform, signal);
}

/** The previous image, which is current now. */
export async function rollBackGolden(
  { images, platform, nowS }: { readonly images: GoldenImages; readonly platform: Image["platform"]; readonly nowS: () => number },
  signal: AbortSignal,
): Promise<Image> {
  const plan = rollBack(goldenState(await images.list(signal), platform), nowS());
  if (plan.do === "refuse") throw new TriplaneError("provider_failed", plan.why, { hint: plan.hint });
  await images.apply(plan.changes, signal);
  const { current } = goldenState(await images.list(signal), platform);
  return there(current);
}

async function smokeTest({ provider, build, offer, keys, nowS, smoke, logger }: GoldenRelease, candidate: Image, signal: AbortSignal) {
  const name = `canary-${build.version}`;
  const deadManAtS = nowS() + CANARY_S;
  const spec = { name, offer, image: candidate.id, ...keys, deadManAtS, labels: goldenServerLabels(name, deadManAtS) };
  let canary: Server | undefined;
  try {
    canary = await provider.create(spec, signal);
    await smoke(canary, signal);
  } catch (error) {
    if (toTriplaneError(error).code === "provider_unknown_outcome") canary = await provider.find(name, AbortSignal.timeout(DESTROY_MS));
    throw error;
  } finally {
    await destroyed(provider, canary, logger);
  }
}

async function destroyed(provider: Provider, canary: Server | undefined, logger: Logger): Promise<void> {
  if (canary === undefined) return;
  await provider.destroy(canary.id, AbortSignal.timeout(DESTROY_MS)).catch((error: unknown) => {
    logger.error({ err: error, server: canary.id }, "a canary could not be destroyed: the next sweep will");
  });
}

/** Removes what nobody keeps; that it fails changes nothing about the release. */
async function settled(images: GoldenImages, platform: Image["platform"], signal: AbortSignal): Promise<Image> {
  const state: GoldenState = goldenState(await images.list(signal), platform);
  for (const image of state.spare) await images.remove(image, signal);
  return there(state.current);
}

function there(current: Image | undefined): Image {
  if (current === undefined) throw new TriplaneError("provider_failed", "no image is current after the change");
  return current;
}
