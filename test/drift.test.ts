import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readKeyFile, systemClock } from "@triplane/kit";
import { approvedHead, commitFiles, pushHead, readTreeFiles, repositoryDir } from "@triplane/ledger";
import { eventually } from "@triplane/testkit";
import { triplaneAt } from "./e2e/in-process.ts";
import { type Installation, installation } from "./e2e/installation.ts";
import type { Ran } from "./e2e/program.ts";

// One workspace for the whole file: its planes are real processes and take a while to come up.
let installed: Installation;
before(async () => {
  installed = await installation("drift");
  assert.equal((await triplane("init")).code, 0);
  const up = await triplane("up", "--detach", "--json");
  assert.equal(up.code, 0, up.err);
});
after(async () => {
  await triplane("down");
  await installed[Symbol.asyncDispose]();
});

function triplane(...args: readonly string[]): Promise<Ran> {
  return triplaneAt(installed, args);
}

interface Found {
  readonly known: boolean;
  readonly ok?: boolean;
  readonly approved: string;
  readonly applied?: string;
  readonly drifted: readonly { readonly target: string; readonly kind: string; readonly actual?: string; readonly advice: string }[];
  readonly unlisted: readonly { readonly target: string }[];
}

async function drift(
  ...more: readonly string[]
): Promise<{ readonly code: number; readonly found: Found; readonly kinds: readonly string[] }> {
  const ran = await triplane("drift", "--json", ...more);
  const found: Found = JSON.parse(ran.out === "" ? assert.fail(ran.err) : ran.out);
  return { code: ran.code, found, kinds: (found.drifted ?? []).map(({ target, kind }) => `${target} ${kind}`) };
}

/** Until it says exactly this. */
async function drifted(...expected: readonly string[]): Promise<Found> {
  let last: Awaited<ReturnType<typeof drift>> | undefined;
  await eventually(
    async () => {
      last = await drift();
      return last.kinds.join() === expected.join() && last.code === (expected.length === 0 ? 0 : 1);
    },
    { what: `drift of ${expected.join(", ") || "nothing"}`, timeoutMs: 60_000, intervalMs: 300 },
  ).catch((cause) => assert.fail(`${cause}: ${JSON.stringify(last)}`));
  return last?.found ?? assert.fail();
}

/** A new desired state, signed by two operators with the keys of the home. */
async function approveDesired(change: (text: string) => string): Promise<string> {
  const home = join(installed.folder, ".triplane");
  const { pins } = JSON.parse(readFileSync(join(home, "workspace.json"), "utf8"));
  const repo = repositoryDir(join(home, "storage"), pins.desired.rid);
  const { commit: parent } = await approvedHead(repo, pins.desired, { branch: "main", minThreshold: 2 });
  const text = (await readTreeFiles(repo, parent, { maxBytes: 1_000_000 })).get("desired.ncl") ?? "";
  const [ana, ben] = await Promise.all(["ana", "ben"].map((name) => readKeyFile(join(home, "keys", `${name}.json`))));
  assert.ok(ana !== undefined && ben !== undefined);
  const timeS = Math.floor(systemClock.nowMs() / 1000);
  const commit = await commitFiles({
    repo,
    key: ana,
    parent,
    files: { "desired.ncl": change(text) },
    message: "Change the desired state",
    timeS,
  });
  for (const key of [ana, ben]) await pushHead({ repo, key, branch: "main", commit, clock: systemClock });
  return commit;
}

/** The process of a component instance of this workspace. */
function processOf(target: string): number {
  const home = join(installed.folder, ".triplane");
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const text = `${readFileSync(`/proc/${pid}/cmdline`, "utf8")}\0${readFileSync(`/proc/${pid}/environ`, "utf8")}`;
      if (text.includes(home) && text.includes(`/${target}/`) && !text.includes("daemons/")) return Number(pid);
    } catch {
      // It ended, or is somebody else's.
    }
  }
  return assert.fail(`no process of ${target}`);
}

describe("triplane drift", () => {
  it("no drift once the desired state is applied and healthy", async () => {
    const found = await drifted();
    assert.equal(found.applied, found.approved);
    assert.match((await triplane("drift")).out, /✔ No drift\./);
  });

  it("what ops changed is other-settings, and what they added is unlisted unless --strict", async () => {
    const bigger = ["--arg", "component=kv", "--arg", "settings.max_value_bytes=1024"];
    assert.equal((await triplane("op", "submit", "component.deploy", "kv", ...bigger, "--as", "ana", "--wait")).code, 0);
    const changed = await drifted("kv other-settings");
    assert.match(changed.drifted[0]?.actual ?? "", /max_value_bytes":1024/);
    assert.match(changed.drifted[0]?.advice ?? "", /desired\.apply workspace --arg commit=/);
    assert.equal((await triplane("op", "submit", "component.deploy", "web", "--arg", "component=web", "--as", "ana", "--wait")).code, 0);
    const { found } = await drift();
    assert.deepEqual(
      found.unlisted.map(({ target }) => target),
      ["web"],
    );
    const strict = await drift("--strict");
    assert.equal(strict.code, 1);
    assert.ok(strict.kinds.includes("web unlisted"), strict.kinds.join());
  });

  it("what is approved and not applied, while the CI plane is down: missing and extra; then it is applied", async () => {
    assert.equal((await triplane("down", "--plane", "ci")).code, 0);
    const commit = await approveDesired((text) =>
      text.replace('{ name = "relay", component = "relay"', '{ name = "second", component = "kv"'),
    );
    const { code, found, kinds } = await drift();
    assert.deepEqual([code, found.approved, kinds], [1, commit, ["kv other-settings", "relay extra", "second missing"]]);
    assert.notEqual(found.applied, commit);
    assert.match(found.drifted.at(-1)?.advice ?? "", /desired-sync applies/);
    const told = await triplane("drift");
    assert.match(told.out, /relay +extra +nothing +relay /);
    assert.equal((await triplane("up", "--plane", "ci", "--detach")).code, 0);
    await drifted();
  });

  it("a target that does not answer is unhealthy", async () => {
    const pid = processOf("second");
    process.kill(pid, "SIGSTOP");
    try {
      let kinds: readonly string[] = [];
      await eventually(
        async () => {
          ({ kinds } = await drift());
          return kinds.includes("second unhealthy");
        },
        { what: "the target to be unhealthy", timeoutMs: 60_000, intervalMs: 300 },
      );
    } finally {
      try {
        process.kill(pid, "SIGCONT");
      } catch {
        // It was replaced meanwhile.
      }
    }
    await drifted();
  });

  it("nobody can tell while the orchestrator is away: exit code 3", async () => {
    assert.equal((await triplane("down")).code, 0);
    const { code, found } = await drift();
    assert.deepEqual([code, found.known], [3, false]);
  });
});
