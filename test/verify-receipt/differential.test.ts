import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { signAuditRecord, signingKeyFromSeed, signSuccession, signToken, verifyAuditRecord, verifySuccession } from "@triplane/contract";
import { makeReceipt, openLedgerWriter, type Receipt } from "@triplane/ledger";
import { type TempDir, tempDir } from "@triplane/testkit";
import { Dice, mutate } from "../fuzz/mutate.ts";
import { BREAKS, everyMemberLeftOut } from "./breaks.ts";
import { changeLayers, putTogether, takeApart } from "./resign.ts";
import { decideAndSign, everyKind, randomScenario } from "./scenarios.ts";
import { agreed, type Trusted, VERIFIER } from "./verdict.ts";
import { makeWorld, POLICY_RID, policyRefOf, receiptOf, type World } from "./world.ts";

const SEED = Number(process.env["TRIPLANE_RECEIPT_SEED"] ?? 20_260_105);
const ROUNDS = Number(process.env["TRIPLANE_RECEIPT_ROUNDS"] ?? 400);
/** Changes that change nothing of what the receipt says. */
const HARMLESS = new Set([
  ...["a checkpoint with a witness's line", "a checkpoint with a witness's line first"],
  ...["policy files in another order", "members in another order", "white space", "escapes"],
]);

let folder: TempDir;
let world: World;
let pins: Trusted;
/** Receipts of a real ledger, one of each kind of decision. */
let receipts: ReadonlyMap<string, Receipt>;

before(async () => {
  folder = await tempDir("receipts");
  world = await makeWorld(join(folder.path, "storage"), SEED);
  pins = { stateRid: world.state.rid, stateRoot: world.state.identityRoot, controller: world.keys.controller.did, policyRid: POLICY_RID };
  receipts = await realReceipts();
});

after(() => folder[Symbol.asyncDispose]());

async function realReceipts(): Promise<ReadonlyMap<string, Receipt>> {
  const { repoDir, rid, identityRoot } = world.state;
  const pin = { rid, identityRoot };
  const writer = await openLedgerWriter({ repoDir, key: world.keys.controller, pin, clock: world.clock });
  const kinds = [...everyKind(world)].filter(
    ([, decided], at, all) => all.findIndex(([, other]) => subjectOf(other.record) === subjectOf(decided.record)) === at,
  );
  for (const [, { record }] of kinds) await writer.append([verifyAuditRecord(record)]);
  await writer.close();
  const made = kinds.map(async ([kind, { record }]) => {
    const receipt = await makeReceipt(repoDir, pin, subjectOf(record), { policyFiles: async () => world.policyFiles });
    return [kind, receipt] as const;
  });
  return new Map(await Promise.all(made));
}

function subjectOf(record: string): string {
  return verifyAuditRecord(record).claims.subject;
}

function count(seen: Map<string, number>, outcome: string): void {
  seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
}

const bytesOf = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value), "utf8");

describe("tools/verify-receipt says what triplane verify says", () => {
  it("of a ledger that was handed over: on both sides of the change, and of every broken succession", async () => {
    const successor = signingKeyFromSeed(createHash("sha256").update(`${SEED}:successor`).digest());
    const stranger = signingKeyFromSeed(createHash("sha256").update(`${SEED}:other`).digest());
    const made = await makeWorld(join(folder.path, "handed-over"), SEED + 1);
    const { repoDir, rid, identityRoot } = made.state;
    const pin = { rid, identityRoot };
    const { controller } = made.keys;
    const writer = await openLedgerWriter({ repoDir, key: successor, former: controller, pin, clock: made.clock });
    const [before, after] = [...everyKind(made)].slice(0, 2).map(([, { record }]) => verifyAuditRecord(record));
    assert.ok(before !== undefined && after !== undefined);
    await writer.append([before]);
    const claims = { audience: before.claims.aud, policy: policyRefOf(made) };
    await writer.handOver(claims);
    const { iss: _iss, ...said } = after.claims;
    const resigned = verifyAuditRecord(signAuditRecord(said, successor));
    await writer.append([resigned]);
    await writer.close();
    const trust: Trusted = { stateRid: rid, stateRoot: identityRoot, policyRid: POLICY_RID };
    for (const [record, index] of [
      [before, 0],
      [resigned, 1],
    ] as const) {
      const receipt = await makeReceipt(repoDir, pin, record.claims.subject, { policyFiles: async () => made.policyFiles });
      for (const key of [controller, successor])
        assert.deepEqual(await agreed(bytesOf(receipt), { ...trust, controller: key.did }, "handed over"), {
          ok: true,
          consistent: true,
          failed: undefined,
        });
      assert.equal((await agreed(bytesOf(receipt), { ...trust, controller: stranger.did }, "a stranger's")).failed, "anchor");
      const [token = ""] = receipt.successions ?? [];
      const { iss: _from, to: _to, accepted: _accepted, ...words } = verifySuccession(token).claims;
      const other = (more: Partial<typeof words>, keys = { from: controller, to: successor }) => [
        signSuccession({ ...words, ...more }, keys),
      ];
      const { successions: _left, ...without } = receipt;
      const broken: readonly [string, unknown, string][] = [
        ["without it", without, index === 1 ? "record" : "checkpoint"],
        ["none at all", { ...receipt, successions: [] }, "form"],
        ["twice", { ...receipt, successions: [token, token] }, "identity"],
        ["by a stranger", { ...receipt, successions: other({}, { from: stranger, to: successor }) }, "identity"],
        [
          "to a stranger",
          { ...receipt, successions: other({}, { from: controller, to: stranger }) },
          index === 1 ? "record" : "checkpoint",
        ],
        ["of another ledger", { ...receipt, successions: other({ state_rid: POLICY_RID }) }, "identity"],
        ["of another workspace", { ...receipt, successions: other({ aud: `other/${POLICY_RID}` }) }, "identity"],
        ["later than the ledger", { ...receipt, successions: other({ size: 9 }) }, index === 1 ? "record" : "checkpoint"],
        ["before the first record", { ...receipt, successions: other({ size: 0 }) }, index === 1 ? "" : "record"],
        ["back again", { ...receipt, successions: [token, ...other({}, { from: successor, to: controller })] }, "identity"],
        ["not taken", { ...receipt, successions: [notTaken(token)] }, "identity"],
      ];
      for (const [how, value, failed] of broken)
        assert.equal((await agreed(bytesOf(value), trust, how)).failed ?? "", failed, `${how}, record ${index}`);
    }

    /** Signed by the old key, with an acceptance that the new one gave for something else. */
    function notTaken(token: string): string {
      const { accepted, ...rest } = verifySuccession(token).claims;
      return signToken("succession+jwt", { ...rest, size: rest.size + 1, accepted }, controller);
    }
  });

  it("of good receipts: every kind of decision, with every choice of what is trusted", async () => {
    assert.ok(receipts.size >= 13, `${receipts.size} kinds`);
    const { controller } = world.keys;
    const other = { ...pins, stateRoot: "f".repeat(40) };
    for (const [kind, receipt] of receipts) {
      const bytes = bytesOf(receipt);
      assert.deepEqual(await agreed(bytes, pins, kind), { ok: true, consistent: true, failed: undefined }, kind);
      assert.deepEqual(await agreed(bytes, { controller: controller.did }, kind), { ok: true, consistent: true, failed: undefined });
      assert.deepEqual(await agreed(bytes, {}, kind), { ok: false, consistent: true, failed: undefined });
      assert.deepEqual(await agreed(bytes, { policyRid: POLICY_RID }, kind), { ok: false, consistent: true, failed: undefined });
      for (const wrong of [other, { controller: world.keys.keeper.did }, { ...pins, policyRid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" }])
        assert.equal((await agreed(bytes, wrong, kind)).failed, "anchor");
    }
  });

  for (const [name, broken] of Object.entries(BREAKS))
    it(`of a receipt broken by: ${name}`, async () => {
      for (const [kind, receipt] of [...receipts].slice(0, 3)) {
        const bytes = Buffer.from(broken(receipt, world) as string);
        const verdict = await agreed(bytes, pins, `${name}, ${kind}`);
        assert.equal(verdict.ok, HARMLESS.has(name), `${name}, ${kind}: ${verdict.failed ?? "valid"}`);
        await agreed(bytes, {}, `${name}, ${kind}, without pins`);
      }
    });

  it("of a receipt without any one of its members", async () => {
    const [receipt] = receipts.values();
    assert.ok(receipt !== undefined);
    for (const [name, text] of everyMemberLeftOut(receipt)) assert.equal((await agreed(bytesOf(text), pins, name)).ok, false, name);
  });

  it(`of ${ROUNDS} receipts with bytes changed at random`, async () => {
    const inputs = [...receipts.values()].map(bytesOf);
    const words = ["proof", "checkpoint", "identity_root", "policy_files", "state_identity", "anchors", "record", "index", "inclusion"];
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = mutate(inputs, new Dice(SEED + round), words);
      await agreed(bytes, pins, `seed ${SEED}, round ${round}`);
    }
  });

  it(`of ${ROUNDS} decisions that the policy was asked for at random, and of what they say changed and signed again`, async () => {
    const seen = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const dice = new Dice(SEED * 3 + round);
      const { record } = decideAndSign(world, randomScenario(world, dice));
      const where = `seed ${SEED}, round ${round}`;
      const verdict = await agreed(bytesOf(receiptOf(world, record)), pins, where);
      count(seen, verdict.failed ?? "valid");
      const { layers, stale, what } = changeLayers(world, takeApart(record), dice);
      const changed = putTogether(world, layers, stale);
      if (changed !== undefined)
        count(seen, `changed: ${(await agreed(bytesOf(receiptOf(world, changed)), pins, `${where}: ${what}`)).failed ?? "valid"}`);
    }
    for (const outcome of ["valid", "decision", "changed: valid", "changed: decision", "changed: record"])
      assert.ok((seen.get(outcome) ?? 0) > 0, `no ${outcome} among ${JSON.stringify(Object.fromEntries(seen))}`);
  });

  it(`of ${ROUNDS} policies changed at random, the decision signed again under each`, async () => {
    const [decided] = everyKind(world).values();
    assert.ok(decided !== undefined);
    const layers = takeApart(decided.record);
    const inputs = [...world.policyFiles.values()].map(bytesOf);
    const words = [
      "| default",
      "| force",
      "| optional",
      "import",
      "'Approve",
      "windows",
      "issuers",
      "any:operator",
      "group:ops",
      "| Dyn",
      "..",
      "&",
    ];
    for (let round = 0; round < ROUNDS; round += 1) {
      const dice = new Dice(SEED * 7 + round);
      const names = [...world.policyFiles.keys()];
      const name = dice.pick(names, "keeper_policy.ncl");
      const text = mutate([inputs[names.indexOf(name)] ?? Buffer.alloc(0)], dice, words);
      const files = new Map([...world.policyFiles, [name, Buffer.from(text).toString("utf8")]]);
      const record = putTogether(world, { ...layers, decision: { ...layers.decision, policy: policyRefOf(world, files) } });
      if (record !== undefined) await agreed(bytesOf(receiptOf(world, record, files)), pins, `seed ${SEED}, round ${round}: ${name}`);
    }
  });
});

describe("tools/verify-receipt as a program", () => {
  const run = (node: string, args: readonly string[], input?: string | Buffer) =>
    spawnSync(node, [VERIFIER, ...args], { cwd: folder.path, encoding: "utf8", ...(input === undefined ? {} : { input }) });
  const flags = () => ["--state-rid", pins.stateRid ?? "", "--state-root", pins.stateRoot ?? "", "--policy-rid", POLICY_RID];

  it("exits with 0, 1 and 2, reads standard input, and prints JSON", () => {
    const [receipt] = receipts.values();
    const text = JSON.stringify(receipt, null, 2);
    writeFileSync(join(folder.path, "receipt.json"), text);
    const good = run(process.execPath, ["receipt.json", ...flags()]);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /✔ decision .*\n\nsubject .*\noutcome {3}applied\n/);
    const piped = run(process.execPath, ["-", ...flags(), "--json"], text);
    assert.deepEqual([piped.status, JSON.parse(piped.stdout).ok], [0, true]);
    assert.equal(run(process.execPath, ["receipt.json"]).status, 1);
    const broken = run(process.execPath, ["-", ...flags(), "--json"], text.replace("Not read", "Not red"));
    assert.deepEqual([broken.status, JSON.parse(broken.stdout).failed], [1, "policy"]);
    for (const args of [[], ["missing.json"], ["receipt.json", "--state-rid", pins.stateRid ?? ""], ["receipt.json", "--trust-everything"]])
      assert.equal(run(process.execPath, args).status, 2, args.join(" "));
  });

  it("imports nothing but Node's own modules, and nothing of ours", async () => {
    const { readFile } = await import("node:fs/promises");
    const source = await readFile(VERIFIER, "utf8");
    const imported = [...source.matchAll(/\bfrom "([^"]+)"|\bimport\("([^"]+)"\)|\brequire\(/g)].map(
      (match) => match[1] ?? match[2] ?? "require",
    );
    assert.deepEqual(imported, ["node:crypto", "node:fs", "node:url", "node:util"]);
  });
});
