// From what an op or the desired state says to a full spec: the catalog's version, defaults, limits.
import { TriplaneError } from "@triplane/contract";
import type { Catalog } from "./catalog/catalog.ts";
import { type ComponentDefinition, maxReplicasOf } from "./catalog/definition.ts";
import { resolveSettings } from "./catalog/settings.ts";
import type { InstanceSpec, InstanceState } from "./model.ts";

export interface SpecRequest {
  readonly component: string;
  readonly version?: string | undefined;
  readonly replicas: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly managedBy: InstanceSpec["managed_by"];
}

/** Throws `args_invalid` where the catalog has no such component or version, or its limits are broken. */
export async function instanceSpec(request: SpecRequest, catalog: Catalog): Promise<InstanceSpec> {
  const entry = await catalog.find(request.component);
  if (entry === undefined) throw new TriplaneError("args_invalid", `component: the catalog has no ${JSON.stringify(request.component)}`);
  const { definition, digest } = entry;
  if (request.version !== undefined && request.version !== definition.version) {
    throw new TriplaneError("args_invalid", `version: the catalog has ${definition.name} ${definition.version}, not ${request.version}`);
  }
  assertReplicas(request.replicas, definition);
  const settings = resolveSettings(definition, request.settings);
  for (const [name, { type }] of Object.entries(definition.settings)) {
    // Before anything is signed. The value is not told: it may be the secret that should have stayed in its file.
    if (type === "Secret" && !(await catalog.hasSecret(String(settings[name]))))
      throw new TriplaneError("args_invalid", `settings.${name}: the orchestrator has no secret of that name`);
  }
  return {
    component: definition.name,
    version: definition.version,
    definition: digest,
    replicas: request.replicas,
    settings,
    managed_by: request.managedBy,
  };
}

export function assertReplicas(replicas: number, definition: ComponentDefinition): void {
  const max = maxReplicasOf(definition);
  if (replicas > max) throw new TriplaneError("args_invalid", `replicas: ${definition.name} allows at most ${max}, not ${replicas}`);
}

/** The state of a target that must exist. Throws `target_unknown`. */
export function existing(actual: ReadonlyMap<string, InstanceState>, target: string): InstanceState {
  const state = actual.get(target);
  if (state === undefined) throw new TriplaneError("target_unknown", `there is no component instance ${target}`);
  return state;
}

/** The spec inside a state. */
export function specOf(state: InstanceState): InstanceSpec {
  const { generation: _generation, ...spec } = state;
  return spec;
}
