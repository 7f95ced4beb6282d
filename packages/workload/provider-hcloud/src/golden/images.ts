// Golden images in Hetzner Cloud: snapshots of a builder, their labels and their protection.
//
// 1. A builder is destroyed whatever became of it, and one that a crash left is in the provider's list for the next sweep.
// 2. Only snapshots that say that they are golden images are ever changed or removed.
// 3. Every builder has the smallest disk that runners may have: an image fits no smaller one.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { type CandidateWish, type GoldenImages, goldenServerLabels, isGoldenVersion } from "@triplane/golden";
import { sleep } from "@triplane/kit";
import { GOLDEN_LABELS, type Image, type Offer } from "@triplane/vm-pool";
import { z } from "zod";
import { createdImageSchema, imageSchema, oneActionSchema, oneImageSchema, serverSchema, serverTypeSchema } from "../client/answers.ts";
import { actionFailure, checkedId } from "../machines.ts";
import { builderOffers, type OfferRules } from "../offers.ts";
import { type HcloudOptions, imageOf, openProject } from "../provider.ts";
import { selectorOf } from "../servers.ts";
import { type GoldenRecipe, goldenUserData } from "./recipe.ts";

export interface HcloudImagesOptions extends HcloudOptions {
  /** undefined: nothing is built, and `build` throws. */
  readonly recipe: GoldenRecipe | undefined;
  readonly platform: Image["platform"];
  /** Longest time until the builder has switched itself off. */
  readonly buildWithinMs: number;
}

const KEPT = ["current", "previous"];
const DESTROY_MS = 10 * 60_000;
const DESTROY_TRIES = 5;
/** Lost answers and names that are taken by them, one after another. */
const MAX_AGAIN = 3;

export function hcloudGoldenImages(options: HcloudImagesOptions): GoldenImages {
  const { clock, logger, platform, buildWithinMs } = options;
  const { client, actions, machines } = openProject(options);
  const pollMs = options.pollMs ?? 1000;
  const pauseMs = 5 * pollMs;
  const rules: OfferRules = { locations: options.locations ?? [], cpuTypes: options.cpuTypes ?? ["shared"] };

  const isOff = async (id: string, signal: AbortSignal): Promise<void> => {
    const untilMs = clock.nowMs() + buildWithinMs;
    for (;;) {
      const server = await machines.look(id, signal);
      if (server === undefined) throw new TriplaneError("provider_failed", `builder ${id} is gone before it was done`);
      if (server.status === "off") return;
      if (signal.aborted || clock.nowMs() > untilMs) {
        throw new TriplaneError("provider_failed", `builder ${id} has not switched itself off: its recipe failed`, {
          hint: "Boot the recipe by hand and read /var/log/cloud-init-output.log.",
        });
      }
      await sleep(pauseMs, signal);
    }
  };

  const snapshot = async (id: number, { version, labels }: CandidateWish, signal: AbortSignal): Promise<Image> => {
    const body = { type: "snapshot", description: `triplane golden ${version}`, labels };
    const asked = { method: "POST", path: `/servers/${id}/actions/create_image`, body } as const;
    const { image, action } = await client.ask(asked, createdImageSchema, signal);
    const [end] = await actions.wait([action], signal);
    if (typeof end === "object" && end.status === "error") throw actionFailure(`the snapshot of builder ${id}`, end);
    const made = await client.ask({ method: "GET", path: `/images/${image.id}` }, oneImageSchema, signal);
    if (made.image.status !== "available")
      throw new TriplaneError("provider_failed", `snapshot ${image.id} is ${made.image.status} after its time`);
    return imageOf(made.image);
  };

  const idOf = async (name: string, signal: AbortSignal): Promise<number | undefined> =>
    (await client.list("/servers", "servers", serverSchema, [["name", name]], signal)).find((each) => each.name === name)?.id;

  const destroyed = async (id: number, signal: AbortSignal, say: CandidateWish["say"]): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await machines.destroy(String(id), signal);
      } catch (error) {
        if (tries === DESTROY_TRIES) throw error;
        say(`destroying builder ${id} failed, again: ${toTriplaneError(error).message}`);
        await sleep(Math.min(30_000, pollMs * 2 ** tries), signal);
      }
    }
  };

  /** On the first offer that is to be had. A builder whose creation is not known is destroyed and made again: it might be half made. */
  const makeBuilder = async (
    wish: CandidateWish,
    boot: { readonly image: string; readonly userData: string },
    signal: AbortSignal,
  ): Promise<number> => {
    const name = `golden-${wish.version}`;
    const labels = goldenServerLabels(name, wish.builder, Math.ceil((clock.nowMs() + buildWithinMs) / 1000) + 3600);
    const types = await client.list("/server_types", "server_types", serverTypeSchema, [], signal);
    const offers = builderOffers(types, rules, platform);
    let last = new TriplaneError("provider_unavailable", `nothing is offered for ${platform}`);
    let again = 0;
    for (let at = 0; at < offers.length; ) {
      const { type, location } = offers[at] as Offer;
      wish.say(`${name}: ${type} in ${location} …`);
      try {
        return (await machines.make({ name, type, location, ...boot, labels: { ...labels } }, signal)).id;
      } catch (error) {
        last = toTriplaneError(error);
        wish.say(`${name}: ${last.message}`);
        if (last.code === "provider_unavailable") at += 1;
        else if (["provider_unknown_outcome", "provider_name_taken"].includes(last.code) && again < MAX_AGAIN) {
          again += 1;
          const there = await idOf(name, signal);
          if (there !== undefined) await destroyed(there, signal, wish.say);
        } else throw last;
      }
    }
    throw last;
  };

  const protect = async (id: string, isProtected: boolean, signal: AbortSignal): Promise<void> => {
    const body = { delete: isProtected };
    const asked = { method: "POST", path: `/images/${checkedId(id)}/actions/change_protection`, body, idempotent: true } as const;
    const { action } = await client.ask(asked, oneActionSchema, signal);
    await actions.wait([action], signal);
  };

  return {
    async list(signal) {
      const selector = `${selectorOf({ [GOLDEN_LABELS.owner]: "triplane" })},${GOLDEN_LABELS.role}`;
      const query = [
        ["type", "snapshot"],
        ["label_selector", selector],
        ["sort", "created:desc"],
      ] as const;
      const images = await client.list("/images", "images", imageSchema, query, signal);
      return images.filter(({ status }) => status === "available").map(imageOf);
    },
    async build(wish, signal) {
      const { recipe } = options;
      if (recipe === undefined || !isGoldenVersion(wish.version))
        throw new TriplaneError("config_invalid", "golden image: there is no recipe");
      // What is wrong with the recipe is said before anything is asked of the cloud.
      const userData = await goldenUserData(recipe);
      let id: number | undefined;
      try {
        id = await makeBuilder(wish, { image: recipe.baseImage, userData }, signal);
        wish.say(`builder ${id}: works until it switches itself off …`);
        await isOff(String(id), signal);
        wish.say(`builder ${id}: snapshot …`);
        return await snapshot(id, wish, signal);
      } finally {
        const limit = AbortSignal.timeout(DESTROY_MS);
        await (async () => {
          const left = id ?? (await idOf(`golden-${wish.version}`, limit));
          if (left !== undefined) await destroyed(left, limit, wish.say);
        })().catch((error: unknown) => {
          logger.error({ err: error, server: id }, "a builder could not be destroyed: the next command will");
          wish.say(`the builder could not be destroyed, the next command will: ${toTriplaneError(error).message}`);
        });
      }
    },
    async change({ image, labels, isProtected }, signal) {
      await client.ask({ method: "PUT", path: `/images/${checkedId(image)}`, body: { labels } }, oneImageSchema, signal);
      await protect(image, isProtected, signal);
      logger.info({ image, role: labels[GOLDEN_LABELS.role] }, "a golden image has a new role");
    },
    async remove(image, signal) {
      const role = image.labels[GOLDEN_LABELS.role] ?? "current";
      if (image.labels[GOLDEN_LABELS.owner] !== "triplane" || KEPT.includes(role))
        throw new TriplaneError("provider_failed", `image ${image.id} is ${role} and stays`);
      await client.askIfThere({ method: "DELETE", path: `/images/${checkedId(image.id)}` }, z.unknown(), signal);
    },
    // Builders are servers, and half-made snapshots are candidates: the flow finds both.
    tidy: async () => undefined,
  };
}
