// What the validations may look at. Whoever runs them says what this system has and how it is reached.
import type { BusSurvey } from "@triplane/bus";
import type { CatalogFacts, GoldenFacts, RegistryFacts, RunnerFacts } from "./checks/build-infrastructure.ts";
import type { PolicyFacts } from "./checks/keeper-policy.ts";
import type { DaemonFacts, PartFacts, ScrapeFacts } from "./checks/observability.ts";
import type { DryRunFacts, PlaybookFacts, ScriptFacts } from "./checks/playbooks.ts";
import type { GovernanceFacts } from "./checks/radicle-governance.ts";
import { type Source, sharedSource } from "./source.ts";

export interface Sources {
  readonly bus: Source<BusSurvey>;
  readonly governance: Source<GovernanceFacts>;
  readonly policy: Source<PolicyFacts>;
  readonly catalog: Source<CatalogFacts>;
  readonly golden: Source<GoldenFacts>;
  readonly registry: Source<RegistryFacts>;
  readonly runners: Source<RunnerFacts>;
  readonly daemons: Source<DaemonFacts>;
  readonly prometheus: Source<ScrapeFacts>;
  readonly loki: Source<PartFacts>;
  readonly grafana: Source<PartFacts>;
  readonly vector: Source<PartFacts>;
  readonly playbooks: Source<PlaybookFacts>;
  readonly scripts: Source<ScriptFacts>;
  readonly dryRuns: Source<DryRunFacts>;
}

export interface Surroundings extends Sources {
  readonly workspace: string;
  /** Seconds since 1970. */
  nowS(): number;
}

/** The same, each source read at most once: what one run of validations sees belongs together. */
export function shared(surroundings: Surroundings): Surroundings {
  const { workspace, nowS, ...sources } = surroundings;
  const once = Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, sharedSource<unknown>(source)]));
  return { ...(once as unknown as Sources), workspace, nowS };
}
