// How golden images read.
import type { Changed, GoldenStatus, GoldenView, StoredContents } from "@triplane/golden";
import { GOLDEN_LABELS, type Image } from "@triplane/vm-pool";
import { facts, span, table } from "../../framework/table.ts";

const VERDICTS: Readonly<Record<GoldenStatus["verdict"], string>> = {
  fresh: "runners are made from it",
  old: "older than 7 days: build a new one (`triplane golden build`)",
  "too-old": "older than 14 days: the pool makes no runner from it; build a new one (`triplane golden build`)",
  missing: "no image is current: the pool makes no runner; build one (`triplane golden build`)",
};

/** An image as data: what `--json` prints. */
export interface ImageData {
  readonly id: string;
  readonly version: string | undefined;
  /** Seconds since 1970. */
  readonly created_at: number;
}

export interface ChangedData {
  readonly current: ImageData | undefined;
  readonly previous: ImageData | undefined;
  readonly contents: StoredContents;
  readonly removed: readonly string[];
}

export function imageData(image: Image): ImageData {
  return { id: image.id, version: image.labels[GOLDEN_LABELS.version], created_at: image.createdAtS };
}

export function changedData({ image, previous, contents, removed }: Changed): ChangedData {
  return { current: imageData(image), previous: previous === undefined ? undefined : imageData(previous), contents, removed };
}

export function renderChanged({ current, previous, contents, removed }: ChangedData): string {
  return facts([
    ["current", current === undefined ? undefined : named(current)],
    ["previous", previous === undefined ? undefined : named(previous)],
    ["contents", contentsText(contents)],
    ["removed", removed.length === 0 ? undefined : removed.join(", ")],
  ]);
}

export function contentsText({ file, reference }: StoredContents): string | undefined {
  if (reference !== undefined) return reference;
  return file === undefined ? undefined : `${file} (no registry: kept as a file)`;
}

export function renderStatus(status: GoldenStatus): string {
  const { verdict, current, previous, others, unsettled } = status;
  const rows = [current, previous, ...others].filter((view) => view !== undefined);
  return [
    ...(rows.length === 0 ? [] : [table(["role", "version", "age", "smoke build", "id"], rows.map(row)), ""]),
    `${verdict}: ${VERDICTS[verdict]}`,
    ...(unsettled ? ["a change was cut short: `triplane golden promote` with the current image's id finishes it"] : []),
  ].join("\n");
}

function row({ role, version, age_s, smoke, id }: GoldenView): readonly string[] {
  return [role, version ?? "–", span(age_s), smoke ? "passed" : "–", id.length > 24 ? `${id.slice(0, 23)}…` : id];
}

export function named({ id, version }: ImageData): string {
  return version === undefined ? id : `${version} (${id})`;
}
