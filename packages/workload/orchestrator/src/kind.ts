// A kind of op: its arguments, and what it wants of which targets. One file per kind in kinds/.
import type { z } from "zod";
import type { Catalog } from "./catalog/catalog.ts";
import type { DesiredState } from "./desired-schema.ts";
import type { InstanceState, JsonRecord } from "./model.ts";
import type { Wanted } from "./plan.ts";

/** Reads the desired state at an approved commit. */
export interface DesiredSource {
  /**
   * `applied` is the commit that was applied last. Throws `quorum_not_reached` where the commit is not approved, `desired_outdated`
   * where it lies behind the applied one and is not the approved head, `nickel_*` or `args_invalid` where its files are wrong,
   * `unavailable` where it cannot be read now.
   */
  at(commit: string, applied: string | undefined): Promise<DesiredState>;
}

/** What a kind may look at. It changes nothing. */
export interface KindContext {
  readonly target: string;
  readonly actual: ReadonlyMap<string, InstanceState>;
  /** Commit of the desired state that was applied last. */
  readonly applied: string | undefined;
  readonly catalog: Catalog;
  /** Undefined where no desired-state repository is configured. */
  readonly desired: DesiredSource | undefined;
}

export interface Intent {
  readonly wanted: ReadonlyMap<string, Wanted>;
  /** State of the op's own target afterwards, where that is no component instance. */
  readonly targetState?: JsonRecord;
}

export interface OpKind<S extends z.ZodType = z.ZodType> {
  /** Like `component.deploy`. */
  readonly name: string;
  /** One sentence for the reference. */
  readonly summary: string;
  readonly args: S;
  /** `instance`: any target but `workspace`, and only that one changes. `workspace`: the target is `workspace`, any may change. */
  readonly appliesTo: "instance" | "workspace";
  /** Throws `args_invalid`, `target_unknown`, or what the desired source throws. */
  intend(args: z.output<S>, context: KindContext): Promise<Intent>;
}

/** Keeps the type of the arguments while declaring a kind. */
export function defineKind<S extends z.ZodType>(kind: OpKind<S>): OpKind<S> {
  return kind;
}
