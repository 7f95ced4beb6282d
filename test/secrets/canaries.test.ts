import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { type Installation, installation } from "../e2e/installation.ts";
import { type Ran, run } from "../e2e/program.ts";
import { filesBelow, found, gitObjects, holds, type Place } from "./places.ts";

// Pitfall «secrets shown to approvers or written to a gossip ledger»: a canary in every place where a person may put a secret.
// They are what credentials look like, in pieces, so that no scanner of this repository takes them for real ones.
const CANARIES = {
  shell: "canary-shell-0Pq7vXw2",
  file: "canary-file-9Kd3mNz8!",
  argument: ["ghp", "CanaryArgument0123456789abcdefghijkl"].join("_"),
  reason: ["glpat", "CanaryReason0123456789"].join("-"),
  notAName: "Canary-Not-A-Name-55!",
  guessed: "canary-guessed-name-4412",
  url: "canary-url-Rr81kk",
  password: "canary-password-Zx41bb",
  bearer: ["tpo", `canary${"B".repeat(37)}`].join("_"),
} as const;

const TARGET = "vault-whose-name-is-long-enough";

let installed: Installation;
let home: string;
/** What every command printed. */
const printed: Place[] = [];
/** Keys, seeds and tokens of the workspace itself. */
const own = new Map<string, string>();

before(async () => {
  installed = await installation("secrets");
  home = join(installed.folder, ".triplane");
  // Other workspaces of this machine take the first free block of ports.
  assert.equal((await triplane("init", "--port-base", String(30_000 + 40 * randomInt(40)))).code, 0);
  await addCatalog();
  await learnOwnSecrets();
  const up = await triplane("up", "--detach");
  assert.equal(up.code, 0, up.err);
});
after(async () => {
  await triplane("down");
  await installed[Symbol.asyncDispose]();
});

async function program(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const ran = await run(installed.program(name), args, {
    cwd: installed.folder,
    env: { ...installed.env, CANARY: CANARIES.shell, DB_PASSWORD: CANARIES.shell, ...env },
  });
  // A command line is what the user typed: it is their shell's, not ours.
  printed.push({ name: `output of ${name} ${args[0] ?? ""} ${args[1] ?? ""}`, bytes: Buffer.from(ran.out + ran.err) });
  return ran;
}

function triplane(...args: readonly string[]): Promise<Ran> {
  return program("triplane", args);
}

/** The provisioned catalog and a component with a secret, which has its file. */
async function addCatalog(): Promise<void> {
  const file = join(home, "workspace.json");
  const workspace = JSON.parse(await readFile(file, "utf8")) as { catalog: string };
  const catalog = join(installed.folder, "catalog");
  await cp(workspace.catalog, catalog, { recursive: true });
  await cp(join(import.meta.dirname, "catalog"), catalog, { recursive: true });
  await writeFile(file, JSON.stringify({ ...workspace, catalog }));
  await mkdir(join(home, "orchestrator/data/secrets"), { recursive: true, mode: 0o700 });
  await writeFile(join(home, "orchestrator/data/secrets/vault"), CANARIES.file, { mode: 0o600 });
}

async function learnOwnSecrets(): Promise<void> {
  for (const name of await readdir(join(home, "keys"))) {
    const { seed } = JSON.parse(await readFile(join(home, "keys", name), "utf8")) as { seed: string };
    own.set(`seed of ${name}`, seed);
    own.set(`seed of ${name}, hexadecimal`, Buffer.from(seed, "base64url").toString("hex"));
  }
  for (const name of await readdir(join(home, "nats"))) {
    if (name.endsWith(".nk")) own.set(`seed of ${name}`, (await readFile(join(home, "nats", name), "utf8")).trim());
  }
  for (const name of await readdir(join(home, "tokens")))
    own.set(`token ${name}`, (await readFile(join(home, "tokens", name), "utf8")).trim());
  assert.ok(own.size > 20);
}

/** Where secrets live, and nowhere else. */
function isHomeOfSecrets(path: string): boolean {
  return /^(?:keys|tokens)\/|^nats\/[^/]+\.nk$|^orchestrator\/data\/secrets\//.test(path);
}

async function everything(): Promise<readonly Place[]> {
  const storage = join(home, "storage");
  const repositories = await readdir(storage);
  return [
    ...(await filesBelow(home, isHomeOfSecrets)),
    ...(await Promise.all(repositories.map((name) => gitObjects(join(storage, name))))),
    ...printed,
  ];
}

function assertCode(ran: Ran, code: string): void {
  assert.notEqual(ran.code, 0, ran.out);
  assert.match(ran.out + ran.err, new RegExp(`\\b${code}\\b`));
}

describe("secrets stay where they were put", () => {
  it("a program gets the path of its secret, and reads it", async () => {
    const ran = await triplane(
      ...`op submit component.deploy ${TARGET} --arg component=vault-reader --wait`.split(" "),
      "--arg",
      'settings={"password":"vault"}',
    );
    assert.equal(ran.code, 0, ran.out + ran.err);
  });

  it("what looks like a credential is not signed, wherever in the op it is", async () => {
    const deploy = ["op", "submit", "component.deploy", "web-1", "--arg", "component=web", "--json"];
    assertCode(await triplane(...deploy, "--arg", `settings={"title":"${CANARIES.argument}"}`), "secret_in_op");
    assertCode(await triplane(...deploy, "--reason", `because ${CANARIES.reason}`), "secret_in_op");
  });

  it("a setting for a secret takes no secret, and does not repeat it", async () => {
    const deploy = ["op", "submit", "component.deploy", "vault-2", "--arg", "component=vault-reader", "--json"];
    assertCode(await triplane(...deploy, "--arg", `settings={"password":"${CANARIES.notAName}"}`), "args_invalid");
    assertCode(await triplane(...deploy, "--arg", `settings={"password":"${CANARIES.guessed}"}`), "args_invalid");
  });

  it("credentials in addresses and variables are refused or kept, and not repeated", async () => {
    const { url, password } = CANARIES;
    for (const [name, ...args] of [
      ["keeper-daemon", "--nats-url", `nats://user:${url}@127.0.0.1:1`],
      ["ops-controller", "--orchestrator-url", `http://user:${url}@127.0.0.1:1`],
      ["ops-controller", "--store-url", `ws://user:${url}@127.0.0.1:1/rpc`],
      [
        "orchestrator",
        "--store-url",
        `ws://user:${url}@127.0.0.1:1/rpc`,
        "--workspace",
        "w1",
        "--data-dir",
        "d",
        "--catalog-dir",
        "c",
        "--tokens-file",
        "t",
      ],
    ] as const) {
      const ran = await program(name, args, {
        TRIPLANE_CONTROLLER_STORE_PASSWORD: password,
        TRIPLANE_ORCHESTRATOR_STORE_PASSWORD: password,
      });
      assert.notEqual(ran.code, 0, `${name} ${args.join(" ")}`);
    }
  });

  it("a bearer token that is not known is not logged", async () => {
    const { ports, workspace } = JSON.parse(await readFile(join(home, "workspace.json"), "utf8")) as {
      ports: { orchestrator: number };
      workspace: string;
    };
    const address = `http://127.0.0.1:${ports.orchestrator}/api/v1/workspaces/${workspace}`;
    const response = await fetch(address, { headers: { authorization: `Bearer ${CANARIES.bearer}` } });
    assert.equal(response.status, 401);
  });

  it("pitfall 30: none is in the ledger, the databases, the streams, the logs, the outboxes, or in anything that was printed", async () => {
    const refused = await triplane(...`op submit component.remove ${TARGET} --as scout --wait --json`.split(" "));
    assertCode(refused, "scope_exceeded");
    await eventually(async () => (await triplane("ledger", "log", "--json")).out.includes(TARGET), {
      timeoutMs: 30_000,
      what: "the record",
    });
    const places = await everything();
    assert.ok(places.some(({ name }) => name.startsWith("objects of")) && places.some(({ name }) => name.endsWith(".blk")));
    // A known text is found in each of them, so that a canary would be.
    for (const part of ["controller/store", "orchestrator/data", "nats/data", "logs", "outbox"])
      assert.ok(
        places.some((place) => place.name.startsWith(part) && holds(place, TARGET)),
        part,
      );
    assert.deepEqual(found(new Map([...Object.entries(CANARIES), ...own]), places), []);
  });
});
