import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { connectBus } from "@triplane/bus";
import { subjects, verifyAuditRecord } from "@triplane/contract";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { change, dieAt, QUICK, submit } from "./at-failpoint.ts";
import { Cluster, type Overrides } from "./cluster.ts";
import { outcomesOf } from "./evidence.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { edited } from "./mutate.ts";
import { brokenPromises, checkerViolations, comeToRest, type Rest, type Violation } from "./promises.ts";

const ROOT = join(import.meta.dirname, "../..");
const MUTATE = join(import.meta.dirname, "mutate.ts");
// Workspaces at the same time.
const WORKSPACES = 3;

interface Verdict {
  readonly rest: Rest;
  /** What was seen; not what could not be looked at. */
  readonly broken: readonly Violation[];
  /** The independent checker's word. */
  readonly checker: readonly Violation[];
}

/** The smallest run that a wrong order cannot survive: one op that goes well, and one during which a process dies. */
async function harness(mutant: Pick<Mutant, "name" | "process" | "diesAt" | "comesAgain" | "edits">): Promise<Verdict> {
  const before: Overrides = QUICK.overrides?.[mutant.process] ?? {};
  const mutated: Overrides = { ...before, imports: [MUTATE], env: { TRIPLANE_MUTANT: mutant.name } };
  await using cluster = await Cluster.create({ overrides: { ...QUICK.overrides, [mutant.process]: mutated } });
  await cluster.start();
  const good = await submit(cluster, "ana", change("flags-good"));
  assert.equal(await comeToRest(cluster.world, [good]), "drained", "without a death everything goes well");
  const { submitted: doomed, death } = await dieAt(cluster, mutant.diesAt, "ana", "flags-doomed");
  assert.equal(death.signal, "SIGKILL");
  for (const { file } of mutant.edits) await access(join(cluster.faults, `mutated.${mutant.name}.${basename(file)}`));
  const all = [good, doomed];
  if (mutant.comesAgain === true) {
    const outcome = async () => (await outcomesOf(cluster.world, [doomed])).get(doomed.op.entry.jti);
    const { record } = await eventually(outcome, { timeoutMs: 90_000, what: "an outcome of the op" });
    await decideAgain(cluster, verifyAuditRecord(record).claims.decision);
  }
  const rest = await comeToRest(cluster.world, all);
  const seen = (violations: readonly Violation[]) => violations.filter(({ unseen }) => unseen !== true);
  return { rest, broken: seen(await brokenPromises(cluster.world, all)), checker: seen(await checkerViolations(cluster.world)) };
}

/** The keeper's decision once more, as a new message for the broker. */
async function decideAgain({ world }: Cluster, decision: string): Promise<void> {
  const { workspace, ports } = world.workspace;
  const nkeySeed = (await readFile(world.layout.natsSeed("keeper"), "utf8")).trim();
  const around = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const bus = await connectBus({ servers: `nats://127.0.0.1:${ports.nats}`, workspace, identity: { role: "keeper" }, nkeySeed, ...around });
  await bus.publish(subjects(workspace).cmd, decision);
  await bus.close();
}

describe("the harness catches every known wrong order of steps", { concurrency: WORKSPACES, timeout: 550_000 }, () => {
  for (const mutant of MUTANTS) {
    it(`${mutant.name}: ${mutant.wrong} (${mutant.breaks})`, async (test) => {
      const { rest, broken, checker } = await harness(mutant);
      for (const [who, violations] of Object.entries({ promises: broken, checker }))
        for (const { invariant, what } of violations) test.diagnostic(`${rest}, ${who}: ${invariant}: ${what}`);
      const told = broken.map(({ invariant }) => invariant);
      assert.ok(told.includes(mutant.breaks), `it survived: came to rest ${rest}, told ${told.join(", ") || "nothing"}`);
      assert.notEqual(checker.length, 0, "it survived the independent checker");
    });
  }

  it("control: the same run without a wrong order breaks nothing", async () => {
    const control = { name: "none", process: "ops-controller", edits: [], diesAt: "controller.before-ack", comesAgain: true } as const;
    assert.deepEqual(await harness(control), { rest: "drained", broken: [], checker: [] });
  });
});

describe("mutants", () => {
  it("every mutant fits the product's text exactly once", async () => {
    for (const { edits } of MUTANTS)
      for (const [file, ours] of Map.groupBy(edits, (each) => each.file)) ours.reduce(edited, await readFile(join(ROOT, file), "utf8"));
  });

  it("edited: throws where the text is not there, or there twice", () => {
    const edit = { file: "a.ts", find: "x", put: "y" };
    assert.equal(edited("axb", edit), "ayb");
    assert.throws(() => edited("ab", edit), /has 0 times/);
    assert.throws(() => edited("axxb", edit), /has 2 times/);
  });
});
