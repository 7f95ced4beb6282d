// A person, agent or automation of a local workspace at work: their key, outbox, credentials.
import type { Bus } from "@triplane/bus";
import { type Clock, type Did, formatAudience, type Plan, type PlanRequest, type Random } from "@triplane/contract";
import { createTracer, noTracer, readSecretFile, silentLogger, type Tracer } from "@triplane/kit";
import { type OpDraft, type OrchestratorClient, Outbox, orchestratorClient, Submitter } from "@triplane/submitter";
import type { HomeLayout } from "../home/layout.ts";
import { audienceOf, type WorkspaceFile } from "../home/workspace-file.ts";
import { connectAs, identityOf } from "./connect.ts";
import type { Actor } from "./who.ts";

export interface Person extends Actor {
  readonly layout: HomeLayout;
  readonly workspace: WorkspaceFile;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the spans of what this person submits go. */
  readonly otlpEndpoint?: string | undefined;
}

export function personAt(
  actor: Actor,
  layout: HomeLayout,
  workspace: WorkspaceFile,
  around: { readonly clock: Clock; readonly random: Random; readonly env?: Readonly<Record<string, string | undefined>> },
): Person {
  const audience = formatAudience(audienceOf(workspace));
  const outbox = new Outbox({ folder: layout.outbox(actor.principal), audience, clock: around.clock, random: around.random });
  return {
    ...actor,
    layout,
    workspace,
    outbox,
    clock: around.clock,
    random: around.random,
    otlpEndpoint: around.env?.["TRIPLANE_OTLP_ENDPOINT"],
  };
}

/** The orchestrator as this person may see it. */
export async function orchestratorOf(person: Person): Promise<OrchestratorClient> {
  const token = (await readSecretFile(person.layout.tokenFile(person.principal))).trim();
  return orchestratorClient({
    url: `http://127.0.0.1:${person.workspace.ports.orchestrator}`,
    token,
    workspace: person.workspace.workspace,
  });
}

/** A connection under the person's own identity, and the submitter on it. */
export async function withSubmitter<T>(person: Person, work: (submitter: Submitter, bus: Bus) => Promise<T>): Promise<T> {
  const { layout, workspace, outbox, principal, clock, random } = person;
  const tracer = tracerOf(person);
  const bus = await connectAs(identityOf(principal, workspace), layout, workspace, { clock, random });
  try {
    const trust = { controllerDid: workspace.pins.controller as Did, audience: formatAudience(audienceOf(workspace)) };
    return await work(
      new Submitter({ ...trust, outbox, bus, workspace: workspace.workspace, principal, clock, random, logger: silentLogger, tracer }),
      bus,
    );
  } finally {
    await tracer.close();
    await bus.close();
  }
}

function tracerOf({ otlpEndpoint: endpoint, workspace: { workspace }, random }: Person): Tracer {
  return endpoint === undefined || !URL.canParse(endpoint) ? noTracer : createTracer({ endpoint, name: "triplane", workspace, random });
}

export interface Planned {
  readonly plan: Plan;
  readonly draft: OpDraft;
}

export interface OpWish extends PlanRequest {
  readonly reason?: string | undefined;
  readonly scope?: string | undefined;
  readonly expiresInS: number;
}

/** Asks what the op would do now; the draft carries the plan's digest and the version that it was made for. */
export async function planOp(person: Person, wish: OpWish): Promise<Planned> {
  const { op, target, args, reason, expiresInS } = wish;
  const client = await orchestratorOf(person);
  const plan = await client.plan({ op, target, args });
  const scope = wish.scope ?? (await scopeOf(person, { op, target }));
  return {
    plan,
    draft: {
      ...{ op, target, args, scope, expiresInS },
      expected_state_version: plan.state_version,
      plan: plan.digest,
      ...(reason === undefined ? {} : { reason }),
    },
  };
}

/** As the policy in force has it. Only who plans reads a policy: whoever sends or waits starts without all that proves one. */
async function scopeOf({ layout, workspace, key }: Person, op: Pick<OpDraft, "op" | "target">): Promise<string> {
  const { chooseScope, policyInForce } = await import("./policy.ts");
  return chooseScope(await policyInForce(layout, workspace), key.did, op);
}
