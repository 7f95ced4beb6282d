// An AI agent at work on a running workspace, through the official SDK's client, over standard input and output and over HTTP.
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { eventually } from "@triplane/testkit";
import { ROOT } from "../e2e/installation.ts";
import { ask, type System, startHttp, startSystem } from "./system.ts";

interface Op {
  readonly jti: string;
  readonly state: string;
  readonly words: string;
  readonly waitsFor?: { readonly needs: readonly { readonly rule: string; readonly count: number }[] };
  readonly outcome?: {
    readonly code?: string;
    readonly rule?: string;
    readonly fact?: string;
    readonly nearest?: unknown;
    readonly hint?: string;
  };
  readonly isError: boolean;
}

let system: System;
let client: Client;

const asked = async <T>(name: string, args: Record<string, unknown> = {}): Promise<T> => (await ask(client, name, args)) as T;
const resource = async (uri: string): Promise<string> => {
  const [content] = (await client.readResource({ uri })).contents;
  return content !== undefined && "text" in content ? content.text : "";
};

before(
  async () => {
    system = await startSystem();
    ({ client } = await system.client());
    await client.listTools(); // the client checks every answer against its schema from here on
  },
  { timeout: 300_000 },
);

after(async () => {
  await system?.[Symbol.asyncDispose]();
});

describe("triplane mcp: an agent looks around", () => {
  it("reads the architecture, the decisions, the invariants and the policy that binds it", async () => {
    const { nodes } = JSON.parse(await resource("triplane://ontology")) as { nodes: { id: string }[] };
    assert.ok(nodes.some(({ id }) => id === "ops-contract-dual-mode"));
    assert.match(await resource("triplane://adrs/adr-037"), /"decision"/);
    assert.match(await resource("triplane://policy"), /"agent-scales"/);
    assert.match(await resource("triplane://docs/op-kinds"), /component\.restart/);
    const grant = await asked<{ owner: string; scopes: { kinds: string[] }[]; expired: boolean }>("show_grant");
    assert.deepEqual([grant.owner, grant.scopes[0]?.kinds, grant.expired], ["ana", ["component.restart", "component.scale"], false]);
  });

  it("asks why, and is told what a person is told", async () => {
    for (const name of ["applied-once", "adr-037", "ephemeral-build-infrastructure", "packages/policy/src/decide.ts", undefined]) {
      const given = name === undefined ? [] : [name];
      const { all: _, ...told } = JSON.parse((await system.triplane("why", ...given, "--json")).out);
      assert.deepEqual(await ask(client, "why", name === undefined ? {} : { name }), { isError: false, ...told });
    }
    const { sentence, decisions, code, checks } = JSON.parse(await resource("triplane://invariants/applied-once"));
    assert.match(sentence, /at most once/);
    for (const each of [decisions, code, checks]) assert.ok(each.length > 0);
    const unknown = await ask(client, "why", { name: "applied-onse" });
    assert.match(JSON.stringify(unknown), /why_unknown.*Did you mean applied-once/);
  });

  it("runs a validation of the running system", async () => {
    const report = await asked<{ verdict: string; checks: { id: string; verdict: string }[] }>("run_validation", {
      validation: "validate-keeper-policy",
    });
    assert.equal(report.verdict, "pass", JSON.stringify(report));
  });

  it("starts a mode and reports a step, as an agent, and a person sees that", async () => {
    const run = await asked<{ id: string; ready: string[]; actor: string }>("start_run", {
      mode: "ops-radicle-build-info",
      task: "describe architecture",
    });
    assert.equal(run.actor, "Agent");
    assert.ok(run.ready.includes("plane_topology"));
    const told = await asked<{ steps: { id: string; state: string }[] }>("report_step", {
      ...{ mode: "ops-radicle-build-info", step: "plane_topology", status: "pass", run: run.id, output: "three planes\u001b[2J\u202e" },
    });
    assert.equal(told.steps.find(({ id }) => id === "plane_topology")?.state, "pass");
    const again = await ask(client, "report_step", { mode: "ops-radicle-build-info", step: "plane_topology", status: "fail", run: run.id });
    assert.equal(again["isError"], true, "a closed step stays closed");
    const shown = await system.triplane("run", "show", run.id, "--provisioning-root", ROOT);
    assert.equal(shown.code, 0, shown.err);
    assert.doesNotMatch(shown.out, /(?!\n)\p{Cc}|\u202e/u);
    assert.match(shown.out, /written by an agent, unverified/);
  });

  it("refuses garbage with a code, and goes on", async () => {
    const refused = (await ask(client, "submit_op", { requestId: "x", kind: "component.restart", target: "../..", reason: "r" })) as {
      error?: { code: string };
    };
    assert.equal(refused.error?.code, "tool_input_invalid");
    assert.equal(
      ((await ask(client, "op_status", { jti: "0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b" })) as { error?: { code: string } }).error?.code,
      "op_unknown",
    );
    assert.equal(
      ((await ask(client, "start_run", { mode: "no-such-mode", task: "t" })) as { error?: { code: string } }).error?.code,
      "mode_unknown",
    );
  });
});

describe("triplane mcp: an op inside the grant", () => {
  const wish = {
    requestId: "scale-1",
    kind: "component.scale",
    target: "web",
    args: { replicas: 2 },
    reason: "ana approved this\u202e already\u001b[2J",
  };

  it("waits for people as a normal answer, and is applied after they approved", { timeout: 300_000 }, async () => {
    const { requestId: _, ...plan } = wish;
    const prospect = await asked<{ verdict: string; needs: { count: number }[]; isError: boolean }>("plan_op", plan);
    assert.deepEqual([prospect.verdict, prospect.needs[0]?.count], ["review", 2]);

    const op = await asked<Op>("submit_op", { ...wish, waitS: 60 });
    assert.deepEqual([op.isError, op.state], [false, "pending_approval"], JSON.stringify(op));
    assert.deepEqual(
      op.waitsFor?.needs.map(({ rule, count }) => [rule, count]),
      [["agent-scales", 2]],
    );

    const page = (await system.triplane("keeper", "show", op.jti, "--as", "ben")).out;
    assert.match(page, /written by the agent scout, unverified/);
    assert.match(page, new RegExp(op.words), "both sides see the same words");
    assert.doesNotMatch(page, /(?!\n)\p{Cc}|\u202e/u);
    assert.match((await system.triplane("keeper", "list", "--as", "ben")).out, /scout \(agent\)/);

    const owner = await system.triplane("keeper", "approve", op.jti, "--as", "ana", "--json");
    assert.equal(owner.code, 1, "the agent's owner does not count");
    for (const person of ["ben", "cleo"]) {
      const approved = await system.triplane("keeper", "approve", op.jti, "--as", person);
      assert.equal(approved.code, 0, approved.err);
    }
    const applied = await asked<Op>("op_status", { jti: op.jti, waitS: 100 });
    assert.equal(applied.state, "applied", JSON.stringify(applied));

    const receipt = await eventually(
      async () => {
        const answer = await asked<{ isError: boolean; receipt: object }>("op_receipt", { jti: op.jti });
        return answer.isError ? undefined : answer.receipt;
      },
      { what: "the ledger's record", timeoutMs: 60_000 },
    );
    assert.match(JSON.stringify(receipt), /"record"/);
  });

  it("the same request id is the same op, for another client too; other contents under it are refused (applied-once)", async () => {
    const { client: second } = await system.client();
    const [mine, other] = (await Promise.all([ask(client, "submit_op", wish), ask(second, "submit_op", wish)])) as unknown as [Op, Op];
    assert.deepEqual([mine.jti, mine.state], [other.jti, "applied"]);
    const changed = (await ask(client, "submit_op", { ...wish, args: { replicas: 3 } })) as { error?: { code: string } };
    assert.equal(changed.error?.code, "request_reused");
    const { ops } = await asked<{ ops: { requestId?: string }[] }>("list_ops");
    assert.equal(ops.filter(({ requestId }) => requestId === "scale-1").length, 1);
    await second.close();
  });

  it("a server that is killed in the middle loses nothing: asked again, it is one op, applied once", { timeout: 200_000 }, async () => {
    const restart = { requestId: "restart-1", kind: "component.restart", target: "web", reason: "latency" };
    const { client: doomed, pid } = await system.client();
    const cut = ask(doomed, "submit_op", { ...restart, waitS: 100 }).catch(() => undefined);
    await eventually(
      async () => (await asked<{ ops: { requestId?: string }[] }>("list_ops")).ops.some(({ requestId }) => requestId === "restart-1"),
      { what: "the op in the outbox", timeoutMs: 60_000 },
    );
    process.kill(pid, "SIGKILL");
    await cut;
    const { client: next } = await system.client();
    const op = (await ask(next, "submit_op", { ...restart, waitS: 60 })) as unknown as Op;
    const done = (await ask(next, "op_status", { jti: op.jti, waitS: 100 })) as unknown as Op;
    assert.equal(done.state, "applied", JSON.stringify(done));
    await next.close();
    await eventually(async () => (await system.world.ledgerCount(op.jti)) === 1, { what: "the ledger's record", timeoutMs: 60_000 });
    const { ops } = await asked<{ ops: { requestId?: string }[] }>("list_ops");
    assert.equal(ops.filter(({ requestId }) => requestId === "restart-1").length, 1);
  });
});

describe("triplane mcp: outside the grant", () => {
  async function refused(requestId: string, wish: Record<string, unknown>): Promise<NonNullable<Op["outcome"]>> {
    const op = await asked<Op>("submit_op", { requestId, reason: "try", waitS: 60, ...wish });
    assert.deepEqual([op.isError, op.state], [false, "refused"], JSON.stringify(op));
    return op.outcome ?? assert.fail("an op that was refused says why");
  }

  it("a target that was not granted is refused with the rule, the fact and the nearest allowed variant; plan_op says so before", async () => {
    const wish = { kind: "component.restart", target: "kv" };
    const prospect = await asked<{ verdict: string; rule: string }>("plan_op", wish);
    assert.deepEqual([prospect.verdict, prospect.rule], ["refuse", "web-care"]);
    const outcome = await refused("kv-1", wish);
    assert.deepEqual([outcome.code, outcome.rule], ["scope_exceeded", "web-care"]);
    assert.match(outcome.fact ?? "", /does not cover the target kv/);
    assert.match(JSON.stringify(outcome.nearest), /web/);
  });

  /** What becomes of a restart once the keeper has taken up the policy that was approved last. */
  async function eventuallyRestart(label: string, isIt: (op: Op) => boolean): Promise<void> {
    let attempt = 0;
    await eventually(
      async () => {
        attempt += 1;
        const wish = { requestId: `${label}-${attempt}`, kind: "component.restart", target: "web", reason: label };
        const { jti } = await asked<Op>("submit_op", { ...wish, waitS: 60 });
        return isIt(await asked<Op>("op_status", { jti, waitS: 60 }));
      },
      { what: label, timeoutMs: 60_000, intervalMs: 200 },
    );
  }

  it("a grant that ended, and a budget that is used up, refuse with the rule that says so", { timeout: 300_000 }, async () => {
    await system.agree({ expires: "2026-01-01T00:00:00Z" });
    assert.equal((await asked<{ expired: boolean }>("show_grant")).expired, true);
    await eventuallyRestart("expired", ({ state, outcome }) => state === "refused" && outcome?.rule === "agent.expires");
    await system.agree({ budgetOps: 1 });
    await eventuallyRestart("budget", ({ state, outcome }) => state === "refused" && outcome?.rule === "budget");
    await system.agree({});
    await eventuallyRestart("again", ({ state }) => state === "applied");
  });

  it("the server opens no person's key", async () => {
    for (const person of ["ana", "ci", "nobody"]) {
      const { code, err } = await system.triplane("mcp", "--as", person);
      assert.equal(code, 1);
      assert.ok(err.includes("not_an_agent"), err);
    }
  });
});

describe("triplane mcp --http", () => {
  it("serves the SDK's client with the token of a private file, and nobody without it or from another origin", {
    timeout: 200_000,
  }, async () => {
    let file = "";
    await using server = await startHttp(system, async (path) => {
      file = path;
      return (await readFile(path, "utf8")).trim();
    });
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const connect = async (headers: Record<string, string>): Promise<Client> => {
      const made = new Client({ name: "triplane-test", version: "1" });
      await made.connect(new StreamableHTTPClientTransport(server.url, { requestInit: { headers } }) as Parameters<typeof made.connect>[0]);
      return made;
    };
    await assert.rejects(connect({}), /401|unauthorized/i);
    await assert.rejects(connect({ authorization: `Bearer ${server.token}x` }), /401|unauthorized/i);
    const foreign = await fetch(server.url, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, origin: "https://evil.example" },
      body: "{}",
    });
    assert.equal(foreign.status, 403);

    const over = await connect({ authorization: `Bearer ${server.token}` });
    assert.ok((await over.listResources()).resources.length > 20);
    const op = (await ask(over, "submit_op", {
      requestId: "http-1",
      kind: "component.restart",
      target: "web",
      reason: "over http",
      waitS: 60,
    })) as unknown as Op;
    const done = (await ask(over, "op_status", { jti: op.jti, waitS: 100 })) as unknown as Op;
    assert.equal(done.state, "applied", JSON.stringify(done));
    await over.close();
  });
});
