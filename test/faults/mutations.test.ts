import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { dieAt, QUICK } from "./at-failpoint.ts";
import { Cluster, type Overrides } from "./cluster.ts";
import type { Submitted } from "./evidence.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { edited } from "./mutate.ts";
import { brokenPromises, comeToRest, type Rest, type Violation } from "./promises.ts";

const ROOT = join(import.meta.dirname, "../..");
const MUTATE = join(import.meta.dirname, "mutate.ts");
// Workspaces at the same time.
const WORKSPACES = 3;

interface Verdict {
  readonly rest: Rest;
  readonly broken: readonly Violation[];
}

/** The smallest run that a wrong order cannot survive: one op, during which a process dies. */
async function harness(mutant: Pick<Mutant, "name" | "process" | "diesAt" | "edits">): Promise<Verdict> {
  const before: Overrides = QUICK.overrides?.[mutant.process] ?? {};
  const mutated: Overrides = { ...before, imports: [MUTATE], env: { TRIPLANE_MUTANT: mutant.name } };
  await using cluster = await Cluster.create({ overrides: { ...QUICK.overrides, [mutant.process]: mutated } });
  await cluster.start();
  const { submitted, death } = await dieAt(cluster, mutant.diesAt, "ana", "flags-doomed");
  assert.equal(death.signal, "SIGKILL");
  for (const { file } of mutant.edits) await access(join(cluster.faults, `mutated.${mutant.name}.${basename(file)}`));
  const all: readonly Submitted[] = [submitted];
  const rest = await comeToRest(cluster.world, all, { timeoutMs: 60_000 });
  return { rest, broken: await brokenPromises(cluster.world, all) };
}

describe("the harness catches every known wrong order of steps", { concurrency: WORKSPACES, timeout: 400_000 }, () => {
  for (const mutant of MUTANTS) {
    it(`${mutant.name}: ${mutant.wrong} (${mutant.breaks})`, async (test) => {
      const { rest, broken } = await harness(mutant);
      for (const { invariant, what } of broken) test.diagnostic(`${rest}: ${invariant}: ${what}`);
      const told = broken.map(({ invariant }) => invariant);
      assert.ok(told.includes(mutant.breaks), `it survived: came to rest ${rest}, told ${told.join(", ") || "nothing"}`);
    });
  }

  it("control: the same run without a wrong order breaks nothing", async () => {
    const control = { name: "none", process: "ops-controller", edits: [], diesAt: "controller.after-ack" } as const;
    assert.deepEqual(await harness(control), { rest: "drained", broken: [] });
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
