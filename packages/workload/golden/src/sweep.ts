// What an earlier command that died left behind, cleaned up by the next one.
//
// 1. Only under the lock of the builder: what carries its label then belongs to nobody. What belongs to others goes when its time is over.
import { GOLDEN_LABELS, type Image } from "@triplane/vm-pool";
import { GOLDEN_POOL } from "./images.ts";
import { type GoldenParts, nowSOf } from "./parts.ts";

/** What was removed, in words. Throws what the provider throws. */
export async function sweep(parts: GoldenParts, signal: AbortSignal): Promise<readonly string[]> {
  const { provider, images, builder } = parts;
  const removed: string[] = [];
  for (const server of await provider.list(GOLDEN_POOL, signal)) {
    const { labels } = server;
    if (labels === undefined || !(labels.tenant === builder || Number(labels.expires) <= nowSOf(parts))) continue;
    await provider.destroy(server.id, signal);
    removed.push(`server ${server.name}`);
  }
  await images.tidy(signal);
  for (const image of await images.list(signal)) {
    if (!isUnproven(image) || image.labels[GOLDEN_LABELS.builder] !== builder) continue;
    await images.remove(image, signal);
    removed.push(`candidate ${nameOf(image)}`);
  }
  for (const each of removed) parts.say(`left behind by an earlier command, removed: ${each}`);
  return removed;
}

/** A candidate that no canary has built with. */
export function isUnproven({ labels }: Image): boolean {
  return labels[GOLDEN_LABELS.role] === "candidate" && labels[GOLDEN_LABELS.smoke] !== "passed";
}

export function nameOf(image: Image): string {
  return image.labels[GOLDEN_LABELS.version] ?? image.id;
}
