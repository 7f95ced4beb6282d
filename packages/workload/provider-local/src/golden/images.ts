// Golden roots of this machine, as the flow of golden images wants them.
//
// 1. A root that runners use is not removed: their overlays lie over it.
import { readdir, readFile } from "node:fs/promises";
import { TriplaneError } from "@triplane/contract";
import type { GoldenImages } from "@triplane/golden";
import { GOLDEN_LABELS, type Image } from "@triplane/vm-pool";
import { goldenNeeds } from "../needs.ts";
import { buildGolden } from "./build.ts";
import type { GoldenRecipe } from "./recipe.ts";
import type { GoldenRecord, GoldenStore } from "./store.ts";

export interface LocalImagesOptions {
  readonly store: GoldenStore;
  readonly recipe: GoldenRecipe;
  /** Folder for downloaded packages; kept between builds. */
  readonly archives: string;
  readonly nowS: () => number;
}

const KEPT = ["current", "previous"];

export function localGoldenImages({ store, recipe, archives, nowS }: LocalImagesOptions): GoldenImages {
  return {
    list: () => store.images({}),
    async build({ labels, say }, signal) {
      const needs = await goldenNeeds();
      if (needs.length > 0)
        throw new TriplaneError("provider_failed", `a golden root needs ${needs.join(", ")}`, { hint: "Provide what is missing." });
      const record = await buildGolden(store, { recipe, archives, labels, nowS: nowS(), signal, say });
      // The same content may be there under another role; only what is current stays what it is.
      const isFresh = record.labels[GOLDEN_LABELS.version] === labels[GOLDEN_LABELS.version];
      if (isFresh || record.labels[GOLDEN_LABELS.role] === "current") return imageOf(record);
      await store.relabel(record.digest, labels);
      return imageOf({ ...record, labels });
    },
    async change({ image, labels }) {
      await store.relabel(image, labels);
    },
    async remove({ id, labels }) {
      const role = labels[GOLDEN_LABELS.role] ?? "current";
      if (KEPT.includes(role)) throw new TriplaneError("provider_failed", `golden root ${id} is ${role} and stays`);
      if (await isInUse(store, id)) throw new TriplaneError("provider_busy", `runners use the golden root ${id}`);
      await store.remove(id);
    },
    tidy: () => store.tidy(),
  };
}

function imageOf({ digest, created_at, labels, platform }: GoldenRecord): Image {
  return { id: digest, createdAtS: created_at, labels, platform };
}

/** Whether any process of the machine sees an overlay over it. */
async function isInUse(store: GoldenStore, digest: string): Promise<boolean> {
  const lower = `lowerdir=${store.rootOf(digest)},`;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const mounts = await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "");
    if (mounts.includes(lower)) return true;
  }
  return false;
}
