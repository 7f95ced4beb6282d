// What the orchestrator knows of a workspace: targets, their state and their versions.
//
// 1. A target's version grows by one whenever its state changes, and only then; it never goes back, also not by removal.
// 2. The workspace revision grows by one with every op that changes any target.
import { DIGEST_PATTERN, type Digest, type Json } from "@triplane/contract";
import { z } from "zod";
import { componentNameField, componentVersionField } from "./catalog/definition.ts";

/** The target of ops that concern all targets; no component instance may have this name. */
export const WORKSPACE_TARGET = "workspace";

const digest = z.custom<Digest>((value) => typeof value === "string" && DIGEST_PATTERN.test(value));

/** What is wanted of a component instance. */
export const instanceSpecSchema = z.strictObject({
  component: componentNameField,
  version: componentVersionField,
  /** Of the release: definition and program files. */
  definition: digest,
  replicas: z.int().min(1),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  /** Who keeps it: ops one by one, or the desired state. Only what the desired state made does it also remove. */
  managed_by: z.enum(["op", "desired"]),
});
export type InstanceSpec = z.infer<typeof instanceSpecSchema>;

/** A spec with the op that last wanted its processes new: a replica of another generation is replaced. */
export const instanceStateSchema = z.strictObject({ ...instanceSpecSchema.shape, generation: z.string() });
export type InstanceState = z.infer<typeof instanceStateSchema>;

export type JsonRecord = { readonly [key: string]: Json };
export const jsonRecord = z.custom<JsonRecord>((value) => typeof value === "object" && value !== null && !Array.isArray(value));

/** A target as it is stored; a removed target keeps its version and has no state. */
export interface TargetRecord {
  readonly target: string;
  readonly version: number;
  readonly state: JsonRecord | undefined;
}

const read = new WeakMap<TargetRecord, InstanceState>();

/** The state of a component instance; undefined for a target that is none or does not exist. */
export function instanceOf(record: TargetRecord | undefined): InstanceState | undefined {
  if (record?.state === undefined || record.target === WORKSPACE_TARGET) return undefined;
  const known = read.get(record);
  if (known !== undefined) return known;
  const { endpoints: _endpoints, ...state } = record.state;
  const instance = instanceStateSchema.parse(state);
  read.set(record, instance);
  return instance;
}
