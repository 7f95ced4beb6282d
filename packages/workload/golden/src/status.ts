// What there is of golden images, and whether runners may still be made from the current one. Pure.
import { GOLDEN_LABELS, type GoldenAge, goldenAge, goldenState, type Image } from "@triplane/vm-pool";

export interface GoldenView {
  readonly id: string;
  readonly version: string | undefined;
  readonly role: string;
  readonly smoke: boolean;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly age_s: number;
  readonly age: GoldenAge["verdict"];
}

export interface GoldenStatus {
  readonly platform: Image["platform"];
  /** `fresh`; `old`: make a new one; `too-old` and `missing`: the pool makes no runner. */
  readonly verdict: GoldenAge["verdict"] | "missing";
  readonly current: GoldenView | undefined;
  readonly previous: GoldenView | undefined;
  /** Candidates, and what is to be removed; newest first. */
  readonly others: readonly GoldenView[];
  /** A change was cut short: the next promotion finishes it. */
  readonly unsettled: boolean;
}

export function goldenStatus(images: readonly Image[], platform: Image["platform"], nowS: number): GoldenStatus {
  const { current, previous, candidates, spare, unsettled } = goldenState(images, platform);
  const view = (image: Image): GoldenView => {
    const { ageS, verdict } = goldenAge(image, nowS);
    const { labels } = image;
    return {
      ...{ id: image.id, version: labels[GOLDEN_LABELS.version], role: labels[GOLDEN_LABELS.role] ?? "" },
      ...{ smoke: labels[GOLDEN_LABELS.smoke] === "passed", created_at: image.createdAtS, age_s: ageS, age: verdict },
    };
  };
  const others = [...candidates, ...spare, ...unsettled.filter((image) => image !== previous)];
  return {
    platform,
    verdict: current === undefined ? "missing" : goldenAge(current, nowS).verdict,
    current: current === undefined ? undefined : view(current),
    previous: previous === undefined ? undefined : view(previous),
    others: others.map(view).sort((a, b) => b.created_at - a.created_at),
    unsettled: unsettled.length > 0,
  };
}
