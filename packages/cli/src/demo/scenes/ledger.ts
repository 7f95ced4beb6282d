// Scene: the ledger, verified by somebody who has nothing but a clone; and a clone in which one byte was changed.
import { execFile } from "node:child_process";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Did } from "@triplane/contract";
import { findTool } from "@triplane/kit";
import { repositoryDir, verifyLedger } from "@triplane/ledger";
import { decisionsFromRepository } from "../../people/decisions.ts";
import type { Scene } from "../scene.ts";
import type { World } from "../world.ts";

export const ledgerScene: Scene = {
  id: "ledger",
  title: "An outsider verifies the ledger from a clone",
  claims: {
    complete: "every op of the demo is in the ledger exactly once",
    verified: "the clone verifies: signatures, chain, tree, checkpoint, sequences, and every decision run again",
    "tamper-found": "with one byte changed, the verifier says so and names the record",
  },
  play: async (world, tell) => {
    const expected = await submittedOps(world);
    await world.eventually("every op to land", async () =>
      (await Promise.all(expected.map((jti) => world.ledgerRecord(jti)))).every((record) => record !== undefined),
    );
    const clone = join(world.folder, "clone");
    await git(["clone", "--quiet", world.ledgerDir, clone]);
    const policyClone = join(world.folder, "policy.git");
    await git(["clone", "--quiet", "--mirror", repositoryDir(world.layout.storage, world.workspace.pins.policy.rid), policyClone]);
    tell.say("ledger", "git clone of ledger and policy; from here on only the clones and the pinned ids are used");
    const report = await verify(world, clone, policyClone);
    const subjects = new Set(report.subjects);
    const complete = report.ledger.size === subjects.size && expected.every((jti) => subjects.has(jti));
    tell.observe("ledger", "complete", complete, `${report.ledger.size} records, every op of ana, scout and ci among them, none twice`);
    tell.observe(
      "ledger",
      "verified",
      report.ledger.ok,
      `verified in ${report.ms} ms: chain ${report.ledger.chainHead?.slice(0, 19) ?? ""}…, checkpoint over ${report.ledger.checkpoint?.size ?? 0} records, every decision run again`,
    );
    const copy = join(world.folder, "copy");
    await cp(clone, copy, { recursive: true });
    const changed = await changeOneByte(copy);
    tell.say("attacker", `one byte of ${changed.file} is changed in a copy`);
    const tampered = await verify(world, copy, policyClone);
    const [problem] = tampered.ledger.problems;
    const named = !tampered.ledger.ok && problem?.index === changed.index && problem.subject !== undefined;
    tell.observe("ledger", "tamper-found", named, `refused: ${problem?.message ?? "nothing was found"}`);
  },
};

/** Everything that anybody of the workspace signed. */
async function submittedOps(world: World): Promise<readonly string[]> {
  const { operators, agents, automations } = world.workspace.people;
  const people = await Promise.all([...operators, ...agents, ...automations].map((name) => world.person(name)));
  return (await Promise.all(people.map((person) => person.outbox.list()))).flat().map((op) => op.entry.jti);
}

async function verify(world: World, dir: string, policyClone: string) {
  const { pins } = world.workspace;
  const decisions = await decisionsFromRepository(policyClone, { policyPin: pins.policy });
  const found: string[] = [];
  const startMs = performance.now();
  const ledger = await verifyLedger(dir, pins.state, {
    controller: pins.controller as Did,
    policyRid: pins.policy.rid,
    checkRecord: async (record) => {
      await decisions(record);
      found.push(record.claims.subject);
    },
  });
  return { ledger, subjects: found, ms: Math.round(performance.now() - startMs) };
}

/** Flips one bit in the middle of the second batch of a clone's working copy. */
async function changeOneByte(clone: string): Promise<{ readonly file: string; readonly index: number }> {
  const files = (await readdir(join(clone, "records"), { recursive: true })).filter((name) => name.endsWith(".jsonl")).sort();
  const name = files[1] ?? files[0];
  if (name === undefined) throw new Error("the clone has no records");
  const path = join(clone, "records", name);
  const bytes = await readFile(path);
  // Inside the first line, so that it is clear which record is hit.
  const at = Math.floor(bytes.indexOf(0x0a) / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
  return { file: `records/${name}`, index: Number(/(\d+)\.jsonl$/.exec(name)?.[1]) };
}

async function git(args: readonly string[]): Promise<void> {
  const { path } = await findTool("git");
  await promisify(execFile)(path, [...args], {
    env: { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
  });
}
