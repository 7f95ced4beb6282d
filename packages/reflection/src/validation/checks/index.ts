// All checks, by validation. Everything that lists checks lists these.
import type { InvariantId } from "@triplane/contract";
import type { Surroundings } from "../surroundings.ts";
import type { Check, ValidationName } from "../types.ts";
import { BUILD_INFRASTRUCTURE_CHECKS } from "./build-infrastructure.ts";
import { KEEPER_POLICY_CHECKS } from "./keeper-policy.ts";
import { OBSERVABILITY_CHECKS } from "./observability.ts";
import { OPS_CONTRACT_CHECKS } from "./ops-contract.ts";
import { PLAYBOOK_CHECKS } from "./playbooks.ts";
import { RADICLE_GOVERNANCE_CHECKS } from "./radicle-governance.ts";

export const CHECKS_OF: Readonly<Record<ValidationName, readonly Check<Surroundings>[]>> = {
  "validate-ops-contract": OPS_CONTRACT_CHECKS,
  "validate-radicle-governance": RADICLE_GOVERNANCE_CHECKS,
  "validate-keeper-policy": KEEPER_POLICY_CHECKS,
  "validate-build-infrastructure": BUILD_INFRASTRUCTURE_CHECKS,
  "validate-observability": OBSERVABILITY_CHECKS,
  "validate-playbooks": PLAYBOOK_CHECKS,
};

export interface ValidationCheck {
  readonly validation: ValidationName;
  readonly id: string;
  readonly invariant: InvariantId;
  readonly what: string;
}

/** Every check with its invariant: what decisions name as what enforces them. */
export const VALIDATION_CHECKS: readonly ValidationCheck[] = (
  Object.entries(CHECKS_OF) as [ValidationName, readonly Check<Surroundings>[]][]
).flatMap(([validation, checks]) => checks.map(({ id, invariant, what }) => ({ validation, id, invariant, what })));
