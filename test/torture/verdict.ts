// What has to be true when everything is calm again: what the outboxes promised, what the promises' own check says, and what the checker says.
import { checkInvariants, sourcesOfHome } from "@triplane/checker";
import type { InvariantId } from "@triplane/contract";
import { toolOrName } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { controllerRows, everythingSubmitted } from "../faults/evidence.ts";
import { brokenPromises } from "../faults/promises.ts";
import { type Arena, type LinkName, TRIPLANE } from "./arena.ts";

export interface Finding {
  readonly invariant: InvariantId;
  readonly status: "holds" | "violated" | "not-checkable";
  /** Who says so. */
  readonly by: "campaign" | "checker";
  readonly evidence: readonly string[];
}

const MAX_ASKED = 3;

/** What the campaign itself knows, and what the independent checker says of every invariant. */
export async function judge(arena: Arena): Promise<readonly Finding[]> {
  return [...(await promisesKept(arena)), ...(await checkerSays(arena))];
}

/** Asks again where a daemon ended and came back while it was asked: on a busy machine a lease may run out. */
async function checkerSays(arena: Arena): Promise<readonly Finding[]> {
  for (let attempt = 1; ; attempt += 1) {
    const deaths = arena.cluster.deaths.length;
    await controllerServes(arena);
    const findings = await askChecker(arena);
    if (arena.cluster.deaths.length === deaths || attempt === MAX_ASKED) return findings;
  }
}

async function askChecker(arena: Arena): Promise<readonly Finding[]> {
  const home = arena.world.layout.root;
  const port = (name: LinkName): number => arena.link(name).port;
  // The controller reaches both through its links.
  const ports = { nats: port("ops-controller to nats-server"), orchestrator: port("ops-controller to orchestrator") };
  const sources = { ...(await sourcesOfHome(home)), ports };
  const programs = { triplane: [process.execPath, TRIPLANE], nickel: await toolOrName("nickel") } as const;
  const report = await checkInvariants({ home, sources, quiesced: true, ...programs });
  return report.findings.map(({ invariant, status, why, evidence, violations }) => {
    const lines = [...violations.map(({ what }) => what), ...why, ...evidence];
    return { invariant, status, by: "checker" as const, evidence: lines };
  });
}

async function promisesKept(arena: Arena): Promise<readonly Finding[]> {
  await controllerServes(arena);
  const submitted = await everythingSubmitted(arena.world);
  const known = new Set(submitted.map(({ op }) => op.entry.jti));
  const forgotten = arena.book.jtis().filter((jti) => !known.has(jti));
  const promises = (await brokenPromises(arena.world, submitted)).filter(
    ({ what }) => ![...arena.garbage].some((digest) => what.includes(digest)),
  );
  const broken = [
    ...promises,
    ...arena.wrongs.map((what) => ({ invariant: "every-command-lands" as const, what })),
    ...forgotten.map((jti) => ({ invariant: "every-command-lands" as const, what: `${jti} was in an outbox, and is not any more` })),
  ];
  const ids: readonly InvariantId[] = ["every-command-lands", "applied-once", "persist-before-ack", "publish-before-ack"];
  return ids.map((invariant) => {
    const mine = broken.filter((each) => each.invariant === invariant).map(({ what }) => what);
    const evidence =
      mine.length > 0 ? mine : [`${submitted.length} ops of all outboxes, against ledger, rows, streams, targets and effects`];
    return { invariant, by: "campaign" as const, status: mine.length > 0 ? ("violated" as const) : ("holds" as const), evidence };
  });
}

/** It may have been started again a moment ago, and serves nothing before it holds the lease. */
async function controllerServes(arena: Arena): Promise<void> {
  await eventually(() => controllerRows(arena.world), { timeoutMs: 60_000, intervalMs: 500, what: "rows of the controller" }).catch(
    () => undefined,
  );
}
