// Golden images as releases: which one is current, how old it may be, and promotion and rollback as changes of labels. Pure.
//
// 1. Once there is a current image there always is one: the new one gets its label before the old one loses it, and of two the one promoted later counts.
// 2. Nothing is promoted that has not passed the smoke build, and nothing that is too old.
// 3. What a crash left half done is finished by the next change: `promote` and `rollBack` start from what the labels say.
import type { Image } from "./provider.ts";

export const GOLDEN_ROLES = ["candidate", "current", "previous", "retired", "rejected"] as const;
export type GoldenRole = (typeof GOLDEN_ROLES)[number];

/** Names of the labels on a golden image. */
export const GOLDEN_LABELS = {
  owner: "managed-by",
  role: "golden",
  /** Of whoever built it; unique. */
  version: "golden-version",
  /** Where it was built: which folder of which machine cleans up after it. */
  builder: "golden-builder",
  /** `passed` once a canary ran a build. */
  smoke: "golden-smoke",
  /** Seconds since 1970, decimal. */
  promoted: "golden-promoted",
} as const;

/** What the pool asks its provider's `images` for. */
export const CURRENT_GOLDEN: Readonly<Record<string, string>> = { [GOLDEN_LABELS.owner]: "triplane", [GOLDEN_LABELS.role]: "current" };

const DAY_S = 24 * 3600;
export const GOLDEN_WARN_AFTER_S: number = 7 * DAY_S;
export const GOLDEN_REFUSE_AFTER_S: number = 14 * DAY_S;

/** `old`: it works and should have been replaced. `too-old`: no runner is made from it. */
export interface GoldenAge {
  readonly verdict: "fresh" | "old" | "too-old";
  /** 0 where the clocks disagree. */
  readonly ageS: number;
}

export function goldenAge(image: Pick<Image, "createdAtS">, nowS: number): GoldenAge {
  const ageS = Math.max(0, nowS - image.createdAtS);
  return { ageS, verdict: ageS > GOLDEN_REFUSE_AFTER_S ? "too-old" : ageS > GOLDEN_WARN_AFTER_S ? "old" : "fresh" };
}

export interface GoldenState {
  readonly current: Image | undefined;
  /** What a rollback goes back to. */
  readonly previous: Image | undefined;
  /** Newest first. */
  readonly candidates: readonly Image[];
  /** Kept by nobody: they may be deleted. */
  readonly spare: readonly Image[];
  /** Labelled as current or previous, and neither: a change was cut short. */
  readonly unsettled: readonly Image[];
}

/** What the labels of one platform's images say. */
export function goldenState(images: readonly Image[], platform: Image["platform"]): GoldenState {
  const ours = images.filter((image) => image.platform === platform && image.labels[GOLDEN_LABELS.owner] === "triplane");
  const having = (...roles: readonly GoldenRole[]): Image[] => ours.filter((image) => roles.some((role) => role === roleOf(image)));
  const line = having("current", "previous").sort((a, b) => promotedAt(b) - promotedAt(a) || compare(a.id, b.id));
  const current = line.find((image) => roleOf(image) === "current");
  const rest = line.filter((image) => image !== current);
  const previous = current === undefined ? undefined : rest[0];
  const settled = (image: Image): boolean => image === previous && roleOf(image) === "previous";
  return {
    current,
    previous,
    candidates: having("candidate").sort((a, b) => b.createdAtS - a.createdAtS || compare(a.id, b.id)),
    spare: having("retired", "rejected"),
    unsettled: rest.filter((image) => !settled(image)),
  };
}

/** To be carried out in order. Each names all labels of its image. */
export interface GoldenChange {
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the provider protects it from deletion. */
  readonly isProtected: boolean;
}

export type GoldenPlan =
  | { readonly do: "change"; readonly changes: readonly GoldenChange[] }
  | { readonly do: "refuse"; readonly why: string; readonly hint: string };

/** Makes a candidate current; the current one becomes the previous one, the previous one is retired. Of the current one, it finishes what was cut short. */
export function promote(state: GoldenState, id: string, nowS: number): GoldenPlan {
  if (state.current?.id === id) return { do: "change", changes: [change(state.current, "current"), ...settle(state)] };
  const candidate = state.candidates.find((image) => image.id === id);
  if (candidate === undefined) return refuse(`image ${id} is no candidate`, "Build one first, or name one of the candidates.");
  if (candidate.labels[GOLDEN_LABELS.smoke] !== "passed")
    return refuse(`image ${id} has not passed the smoke build`, "Boot a canary from it and let it build.");
  if (goldenAge(candidate, nowS).verdict === "too-old") return refuse(`image ${id} is older than 14 days`, "Build a new one.");
  const now = change(candidate, "current", { [GOLDEN_LABELS.promoted]: String(laterThan(state, nowS)) });
  const { current, previous, unsettled } = state;
  const retired = [...(previous === undefined ? [] : [previous]), ...unsettled].filter((image) => image !== current);
  return {
    do: "change",
    changes: [
      now,
      ...(current === undefined ? [] : [change(current, "previous")]),
      ...unique(retired).map((image) => change(image, "retired")),
    ],
  };
}

/** Makes the previous image current again; the current one is rejected. */
export function rollBack(state: GoldenState, nowS: number): GoldenPlan {
  const { current, previous, unsettled } = state;
  if (current === undefined || previous === undefined) return refuse("there is no previous image", "Build and promote a new one.");
  if (goldenAge(previous, nowS).verdict === "too-old")
    return refuse("the previous image is older than 14 days: no runner would be made from it", "Build and promote a new one.");
  const now = change(previous, "current", { [GOLDEN_LABELS.promoted]: String(laterThan(state, nowS)) });
  const retired = unsettled.filter((image) => image !== previous);
  return { do: "change", changes: [now, change(current, "rejected"), ...retired.map((image) => change(image, "retired"))] };
}

/** The labels of a candidate whose canary has built. */
export function smokePassed(candidate: Image): GoldenChange {
  return { image: candidate.id, labels: { ...candidate.labels, [GOLDEN_LABELS.smoke]: "passed" }, isProtected: false };
}

export function reject(candidate: Image): GoldenChange {
  return change(candidate, "rejected");
}

/** What finishes a change that was cut short. */
function settle({ previous, unsettled }: GoldenState): readonly GoldenChange[] {
  return unsettled.map((image) => change(image, image === previous ? "previous" : "retired"));
}

function change(image: Image, role: GoldenRole, more: Readonly<Record<string, string>> = {}): GoldenChange {
  const labels = { ...image.labels, [GOLDEN_LABELS.role]: role, ...more };
  return { image: image.id, labels, isProtected: role === "current" || role === "previous" };
}

/** Now, and after every promotion that the labels know of, whatever the clock says. */
function laterThan({ current, previous, unsettled }: GoldenState, nowS: number): number {
  const known = [current, previous, ...unsettled].map((image) => (image === undefined ? 0 : promotedAt(image)));
  return Math.max(nowS, ...known.map((atS) => atS + 1));
}

function refuse(why: string, hint: string): GoldenPlan {
  return { do: "refuse", why, hint };
}

function roleOf(image: Image): GoldenRole | undefined {
  return GOLDEN_ROLES.find((role) => role === image.labels[GOLDEN_LABELS.role]);
}

function promotedAt(image: Image): number {
  const text = image.labels[GOLDEN_LABELS.promoted] ?? "";
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

function unique(images: readonly Image[]): readonly Image[] {
  return [...new Set(images)];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
