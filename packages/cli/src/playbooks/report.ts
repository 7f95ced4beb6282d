// What the steps of a run said: the JSON lines that scripts print, put together. Lines that are none are the step's own words.
import { jtiField, parseStrictJson } from "@triplane/contract";
import type { RunView } from "@triplane/reflection";

export interface StepReport {
  readonly id: string;
  readonly action: string;
  readonly state: string;
  /** Records that it printed, in order. */
  readonly said: readonly { readonly [name: string]: unknown }[];
  /** What it printed besides. */
  readonly words: string;
}

const MAX_OPS = 500;

export function reportSteps(view: RunView): readonly StepReport[] {
  return view.steps.map(({ id, action, state, evidence }) => {
    const said: { readonly [name: string]: unknown }[] = [];
    const words: string[] = [];
    for (const line of (evidence.at(-1)?.output ?? "").split("\n")) {
      const record = recordIn(line);
      if (record !== undefined) said.push(record);
      else if (line.trim() !== "") words.push(line);
    }
    return { id, action, state, said, words: words.join("\n") };
  });
}

/** Ids of the ops that steps named. */
export function opsIn(steps: readonly StepReport[]): readonly string[] {
  const named = steps.flatMap(({ said }) => said.map(({ jti }) => jti)).filter((jti): jti is string => jtiField.safeParse(jti).success);
  return [...new Set(named)].slice(0, MAX_OPS);
}

/** What does not hold yet, by step. */
export function notYet(steps: readonly StepReport[]): readonly { readonly step: string; readonly what: string }[] {
  return steps.flatMap(({ id, said }) => said.flatMap(({ not_yet: what }) => (typeof what === "string" ? [{ step: id, what }] : [])));
}

export function renderStep({ id, action, state, said, words }: StepReport): string {
  const mark = state === "pass" ? "✔" : state === "fail" ? "✘" : "–";
  const lines = said.map(
    (record) =>
      `    ${Object.entries(record)
        .map(([name, value]) => `${name.replaceAll("_", " ")}: ${shown(value)}`)
        .join("; ")}`,
  );
  const rest =
    state === "fail" && words !== ""
      ? words
          .split("\n")
          .slice(-12)
          .map((line) => `    ${line}`)
      : [];
  return [`${mark} ${id}: ${action}`, ...lines, ...rest].join("\n");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function recordIn(line: string): { readonly [name: string]: unknown } | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = parseStrictJson(Buffer.from(line, "utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as { readonly [name: string]: unknown })
      : undefined;
  } catch {
    return undefined;
  }
}
