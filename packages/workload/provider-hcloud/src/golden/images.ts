// Golden images in Hetzner Cloud: snapshots of a builder, their labels and their protection.
//
// 1. A builder is destroyed whatever became of it, and one that a crash left is destroyed by the next `sweep`.
// 2. Only snapshots that say that they are golden images are ever changed or removed.
import { TriplaneError } from "@triplane/contract";
import { sleep } from "@triplane/kit";
import { GOLDEN_LABELS, type GoldenChange, type Image, type Offer, type ServerLabels } from "@triplane/vm-pool";
import { z } from "zod";
import { createdImageSchema, imageSchema, oneActionSchema, oneImageSchema } from "../client/answers.ts";
import { actionFailure, checkedId } from "../machines.ts";
import { type HcloudOptions, imageOf, openProject } from "../provider.ts";
import { selectorOf } from "../servers.ts";
import { type GoldenRecipe, goldenUserData } from "./recipe.ts";

/** The pool that builders and canaries belong to: its list has no leases, so whoever holds it sweeps it. */
export const GOLDEN_POOL = "golden";

export interface GoldenBuild {
  /** Unique: part of names and of a label. */
  readonly version: string;
  readonly recipe: GoldenRecipe;
  /** The smallest disk that runners will have: an image fits no smaller one. */
  readonly offer: Pick<Offer, "type" | "location">;
  /** Longest time until the builder has switched itself off. */
  readonly deadlineMs: number;
}

export interface GoldenImages {
  /** Every golden image of the project that is available, whatever its role. */
  list(signal: AbortSignal): Promise<readonly Image[]>;
  /** A candidate. */
  build(build: GoldenBuild, signal: AbortSignal): Promise<Image>;
  /** Carries out the changes in order. */
  apply(changes: readonly GoldenChange[], signal: AbortSignal): Promise<void>;
  /** Removes an image that nobody keeps; one that is gone is done. */
  remove(image: Image, signal: AbortSignal): Promise<void>;
  /** Destroys builders and canaries whose time is over; their number. */
  sweep(signal: AbortSignal): Promise<number>;
}

const VERSION = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const KEPT = ["current", "previous"];
const expiring = z.object({ id: z.int().min(1), labels: z.record(z.string(), z.string()).default({}) });

export function hcloudGoldenImages(options: HcloudOptions): GoldenImages {
  const { clock, logger } = options;
  const { client, actions, machines } = openProject(options);
  const pauseMs = 5 * (options.pollMs ?? 1000);
  const nowS = (): number => Math.floor(clock.nowMs() / 1000);

  const isOff = async (id: string, deadlineMs: number, signal: AbortSignal): Promise<void> => {
    const untilMs = clock.nowMs() + deadlineMs;
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

  const snapshot = async (id: number, version: string, signal: AbortSignal): Promise<Image> => {
    const labels = { [GOLDEN_LABELS.owner]: "triplane", [GOLDEN_LABELS.role]: "candidate", [GOLDEN_LABELS.version]: version };
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
    async build({ version, recipe, offer, deadlineMs }, signal) {
      if (!VERSION.test(version))
        throw new TriplaneError("config_invalid", `golden image: ${JSON.stringify(version.slice(0, 60))} is not a version`);
      const name = `golden-${version}`;
      const labels = goldenServerLabels(name, nowS() + Math.ceil(deadlineMs / 1000) + 3600);
      const wish = { name, ...offer, image: recipe.baseImage, userData: goldenUserData(recipe), labels: { ...labels } };
      const builder = await machines.make(wish, signal);
      try {
        await isOff(String(builder.id), deadlineMs, signal);
        return await snapshot(builder.id, version, signal);
      } finally {
        await machines.destroy(String(builder.id), AbortSignal.timeout(10 * 60_000)).catch((error: unknown) => {
          logger.error({ err: error, server: builder.id }, "a builder could not be destroyed: the next sweep will");
        });
      }
    },
    async apply(changes, signal) {
      for (const { image, labels, isProtected } of changes) {
        await client.ask({ method: "PUT", path: `/images/${checkedId(image)}`, body: { labels } }, oneImageSchema, signal);
        await protect(image, isProtected, signal);
        logger.info({ image, role: labels[GOLDEN_LABELS.role] }, "a golden image has a new role");
      }
    },
    async remove(image, signal) {
      const role = image.labels[GOLDEN_LABELS.role] ?? "current";
      if (image.labels[GOLDEN_LABELS.owner] !== "triplane" || KEPT.includes(role))
        throw new TriplaneError("provider_failed", `image ${image.id} is ${role} and stays`);
      await client.askIfThere({ method: "DELETE", path: `/images/${checkedId(image.id)}` }, z.unknown(), signal);
    },
    async sweep(signal) {
      const query = [["label_selector", selectorOf({ [GOLDEN_LABELS.owner]: "triplane", pool: GOLDEN_POOL })]] as const;
      const servers = await client.list("/servers", "servers", expiring, query, signal);
      const over = servers.filter(({ labels }) => Number(labels["expires"] ?? 0) <= nowS());
      for (const { id } of over) await machines.destroy(String(id), signal);
      return over.length;
    },
  };
}

/** Labels of a builder or a canary. */
export function goldenServerLabels(name: string, expiresS: number): ServerLabels {
  return { "managed-by": "triplane", pool: GOLDEN_POOL, lease: name, tenant: GOLDEN_POOL, tier: "cx22", expires: String(expiresS) };
}
