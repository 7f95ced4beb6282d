// desired.apply: every target as desired.ncl says at an approved commit.
import { commitField, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { instanceSpec } from "../instance-spec.ts";
import { defineKind } from "../kind.ts";
import type { Wanted } from "../plan.ts";

export const kind = defineKind({
  name: "desired.apply",
  summary:
    "Brings all targets to desired.ncl as it is at a commit that enough people approved. Removes what an earlier desired state made and this one does not list; leaves alone what ops made. A commit behind the applied one is taken only where it is the approved head: going back is for people to approve, as a new commit.",
  appliesTo: "workspace",
  args: z.strictObject({ commit: commitField.describe("Commit of the repository <workspace>-desired.") }),
  intend: async ({ commit }, { actual, applied, catalog, desired }) => {
    if (desired === undefined) throw new TriplaneError("args_invalid", "this orchestrator has no desired-state repository configured");
    const state = await desired.at(commit, applied);
    const wanted = new Map<string, Wanted>();
    for (const { name, component, version, replicas, settings } of state.components) {
      const request = { component, version, replicas, settings, managedBy: "desired" } as const;
      wanted.set(name, { present: await instanceSpec(request, catalog).catch((error: unknown) => inDesired(name, error)) });
    }
    for (const [name, before] of actual) if (before.managed_by === "desired" && !wanted.has(name)) wanted.set(name, {});
    return { wanted, targetState: { desired_commit: commit } };
  },
});

function inDesired(name: string, error: unknown): never {
  if (!(error instanceof TriplaneError)) throw error;
  throw new TriplaneError(error.code, `desired.ncl: ${name}: ${error.message}`, { cause: error });
}
