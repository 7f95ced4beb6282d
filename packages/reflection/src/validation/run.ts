// Runs the checks of validations. What one run sees belongs together: every source is read once.
import { TriplaneError } from "@triplane/contract";
import { CHECKS_OF } from "./checks/index.ts";
import { type Surroundings, shared } from "./surroundings.ts";
import { type CheckReport, VALIDATIONS, type ValidationName, type ValidationReport, verdictOf } from "./types.ts";

export interface RunOptions {
  /** Only these checks; all of them where it is empty or absent. */
  readonly only?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Throws `validation_unknown` for a name that is no validation's. */
export function validationNamed(name: string): ValidationName {
  const found = VALIDATIONS.find((each) => each === name || each === `validate-${name}`);
  if (found !== undefined) return found;
  throw new TriplaneError("validation_unknown", `${JSON.stringify(name.slice(0, 64))} is no validation`, {
    hint: `There are ${VALIDATIONS.join(", ")}.`,
  });
}

/** Never throws for what it finds: a check that could not look says `unknown`. Throws `validation_unknown` for a check that it does not have. */
export async function runValidation(
  validation: ValidationName,
  surroundings: Surroundings,
  options: RunOptions = {},
): Promise<ValidationReport> {
  const { only = [], signal = new AbortController().signal } = options;
  const all = CHECKS_OF[validation];
  const unknown = only.find((id) => !all.some((check) => check.id === id));
  if (unknown !== undefined)
    throw new TriplaneError("validation_unknown", `${validation} has no check ${JSON.stringify(unknown.slice(0, 64))}`, {
      hint: `It has ${all.map(({ id }) => id).join(", ")}.`,
    });
  const around = shared(surroundings);
  const chosen = only.length === 0 ? all : all.filter(({ id }) => only.includes(id));
  const checks = await Promise.all(
    chosen.map(async ({ id, invariant, what, look }): Promise<CheckReport> => {
      const startedMs = performance.now();
      const finding = await look(around, signal);
      return { id, invariant, what, ...finding, tookMs: Math.round(performance.now() - startedMs) };
    }),
  );
  const at = new Date(surroundings.nowS() * 1000).toISOString();
  const { workspace } = surroundings;
  return { validation, workspace, at, verdict: verdictOf(checks), complete: chosen.length === all.length, checks };
}
