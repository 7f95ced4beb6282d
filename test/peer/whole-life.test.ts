// A workspace's whole life over three Radicle nodes on loopback: three operators of whom two decide, each on a machine of their own, one
// with `rad` and git, two with `triplane`; one keeper, one controller, one CI key; and at the end an outsider who trusts nobody.
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { readKeyFile } from "@triplane/kit";
import { namespaceTips, nidOfDid, repositoryDir } from "@triplane/ledger";
import { eventually } from "@triplane/testkit";
import { triplaneAt } from "../e2e/in-process.ts";
import { type Installation, installation, ROOT } from "../e2e/installation.ts";
import { type Ran, run } from "../e2e/program.ts";
import { type PeerPlace, peer } from "./peer-test.ts";
import { type RadicleHome, radicleHome } from "./radicle-home.ts";
import { type Seed, seedProcess } from "./seed-process.ts";

const TIMEOUT_MS = 1_800_000;
const WAIT = { timeoutMs: 300_000, intervalMs: 1_000 } as const;
const image = (digit: string): string => `reg.example/team/shop@sha256:${digit.repeat(64)}`;
const RULE = `{ id = "shop-images", automations = ["ci"], targets = ["shop"], settings = ["image"], images = ["reg.example/team/*"], approvals = 1, max_ahead = 5 }`;
const DENY = `{ id = "no-scaling", kinds = ["component.scale"], targets = ["*"], why = "Sizes are for the desired state to say." },`;

interface Pins {
  readonly policy: { readonly rid: string; readonly identityRoot: string };
  readonly desired: { readonly rid: string; readonly identityRoot: string };
  readonly state: { readonly rid: string; readonly identityRoot: string };
  readonly controller: string;
}

interface Listed {
  readonly subject: string;
  readonly kind: string;
  readonly outcome: string;
}

/** The workload's machine, where ana works and all planes run, with the first of the nodes. */
class Platform implements AsyncDisposable {
  readonly installed: Installation;
  readonly home: string;
  readonly pins: Pins;
  readonly seed: Seed;

  private constructor(installed: Installation, home: string, pins: Pins, seed: Seed) {
    this.installed = installed;
    this.home = home;
    this.pins = pins;
    this.seed = seed;
  }

  static async found(place: PeerPlace): Promise<Platform> {
    const installed = await installation("life");
    const home = join(installed.folder, "platform");
    const made = await run(installed.program("triplane"), ["init", "--home", home], { cwd: installed.folder, env: installed.env });
    assert.equal(made.code, 0, made.err);
    const { pins } = JSON.parse(await readFile(join(home, "workspace.json"), "utf8")) as { readonly pins: Pins };
    const repositories = [pins.policy.rid, pins.desired.rid, pins.state.rid];
    const common = { programs: place.programs, repositories, alias: "workload", peers: [] };
    const seed = await seedProcess({ ...common, folder: join(place.folder, "1"), storage: join(home, "storage") });
    await seed.start();
    return new Platform(installed, home, pins, seed);
  }

  get rids(): readonly string[] {
    return [this.pins.policy.rid, this.pins.desired.rid, this.pins.state.rid];
  }

  try(home: string, ...args: readonly string[]): Promise<Ran> {
    return triplaneAt(this.installed, [...args, "--home", home]);
  }

  /** What a command printed; throws unless it ended with 0. */
  async at(home: string, ...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.try(home, ...args);
    if (code !== 0) throw new Error(`triplane ${args.join(" ")} ended with ${code}:\n${out}${err}`);
    return out;
  }

  triplane(...args: readonly string[]): Promise<string> {
    return this.at(this.home, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(this.installed.program("triplane"), ["down", "--home", this.home], { cwd: this.installed.folder, env: this.installed.env });
    await this.seed[Symbol.asyncDispose]();
    await this.installed[Symbol.asyncDispose]();
  }
}

/** ben's machine: rad, git and a node. His key leaves the platform; his storage begins as a copy. */
async function rads(place: PeerPlace, platform: Platform): Promise<RadicleHome> {
  const file = join(platform.home, "keys", "ben.json");
  const key = await readKeyFile(file);
  await rm(file);
  const ben = await radicleHome({
    programs: place.programs,
    folder: join(place.folder, "b"),
    key,
    alias: "ben",
    connect: [platform.seed.address],
  });
  for (const rid of platform.rids)
    await cp(repositoryDir(join(platform.home, "storage"), rid), repositoryDir(ben.storage, rid), { recursive: true });
  await ben.startNode();
  for (const rid of platform.rids) await ben.rad(["seed", rid, "--scope", "all"]);
  for (const rid of [platform.pins.policy.rid, platform.pins.desired.rid]) await ben.rad(["checkout", rid]);
  return ben;
}

/** cleo's machine: a home with her key, whose storage is a seed's. */
async function triplanes(place: PeerPlace, platform: Platform): Promise<{ readonly seed: Seed; readonly home: string }> {
  const { installed, seed: first, rids } = platform;
  const common = { programs: place.programs, repositories: rids, alias: "cleo", peers: [first.address] };
  const seed = await seedProcess({ ...common, folder: join(place.folder, "3") });
  await seed.start();
  const home = join(installed.folder, "cleo");
  const [pin, keyFile] = [join(installed.folder, "acme.pin"), join(installed.folder, "cleo.json")];
  await writeFile(pin, await platform.triplane("governance", "pin"));
  await rename(join(platform.home, "keys", "cleo.json"), keyFile);
  await platform.at(home, "governance", "join", pin, "--name", "cleo", "--key", keyFile, "--remote", join(platform.home, "storage"));
  await eventually(async () => (await seed.report()).repositories.every(({ held }) => held), { ...WAIT, what: "the first replication" });
  await rm(join(home, "storage"), { recursive: true });
  await symlink(seed.storage, join(home, "storage"));
  return { seed, home };
}

interface Proposed {
  readonly id: string;
  readonly words: string;
}

async function proposes(platform: Platform, what: "policy" | "desired", change: (text: string) => string): Promise<Proposed> {
  const folder = join(platform.installed.folder, `${what}-${Math.random().toString(36).slice(2)}`);
  await platform.triplane("governance", "checkout", what, folder);
  const file = join(folder, what === "policy" ? "keeper_policy.ncl" : "desired.ncl");
  await writeFile(file, change(await readFile(file, "utf8")));
  const [id = "", words = ""] = (await platform.triplane("governance", "propose", what, folder, "--as", "ana", "--quiet"))
    .trim()
    .split(" ");
  return { id, words };
}

async function standing(
  platform: Platform,
  home: string,
  id: string,
): Promise<{ readonly standing?: string; readonly missing?: number; readonly words?: string }> {
  const { out } = await platform.try(home, "governance", "show", id, "--json");
  return out === "" ? {} : JSON.parse(out);
}

/** As somebody does who has rad and git: fetches what ana signed, reads it, and pushes that very commit as the own head. */
async function approvesWithRad(ben: RadicleHome, rid: string, name: string, author: string, id: string): Promise<string> {
  const repository = repositoryDir(ben.storage, rid);
  const ref = `refs/namespaces/${nidOfDid(author as `did:key:z6Mk${string}`)}/refs/heads/proposals/${id}`;
  await eventually(
    async () => (await ben.tryGit(["--git-dir", repository, "rev-parse", "--verify", "--quiet", ref], ben.folder)).code === 0,
    {
      ...WAIT,
      what: "the proposal at ben's node",
    },
  );
  const work = join(ben.folder, name);
  await ben.git(["fetch", "--quiet", repository, ref], work);
  const difference = await ben.git(["diff", "main", "FETCH_HEAD"], work);
  await ben.git(["push", "-o", "no-sync", "rad", "FETCH_HEAD:refs/heads/main"], work);
  await ben.tryRad(["sync", "--announce"], work);
  return difference;
}

describe("peer: the whole life of a workspace", () => {
  peer(
    "a policy change from its proposal to an op decided under it, an image from CI, and an outsider who verifies all of it",
    async (place) => {
      await using stack = new AsyncDisposableStack();
      const platform = stack.use(await Platform.found(place));
      const { pins, home, installed } = platform;
      const [ana, ci] = await Promise.all(["ana", "ci"].map((name) => readKeyFile(join(home, "keys", `${name}.json`))));
      assert.ok(ana !== undefined && ci !== undefined);
      await eventually(async () => (await platform.try(home, "up", "--detach")).code === 0, { ...WAIT, what: "all planes up" });
      await platform.triplane("op", "submit", "component.deploy", "web", "--arg", "component=web", "--as", "ana", "--wait");
      // A node that takes the ledger over before it has a record finds no head in it, and does not offer it to others.
      await platform.triplane("op", "wait", "--as", "ana", "--ledger");
      const cleo = await triplanes(place, platform);
      stack.use(cleo.seed);
      const ben = stack.use(await rads(place, platform));

      // The policy: ana proposes, ben approves with rad, cleo with triplane.
      const policy = await proposes(platform, "policy", (text) =>
        text
          .replace("policy_version = 1,", `policy_version = 2,\n  image_updates = [${RULE}],`)
          .replace("deny = [", `deny = [\n    ${DENY}`),
      );
      const read = await approvesWithRad(ben, pins.policy.rid, "policy-libre-wuji", ana.did, policy.id);
      assert.match(read, /\+.*no-scaling/);
      await eventually(async () => (await standing(platform, home, policy.id)).missing === 1, {
        ...WAIT,
        what: "ben's approval at the platform",
      });
      await eventually(async () => (await standing(platform, cleo.home, policy.id)).missing === 1, {
        ...WAIT,
        what: "both at cleo's machine",
      });
      assert.equal((await standing(platform, cleo.home, policy.id)).words, policy.words);
      await platform.at(cleo.home, "governance", "approve", policy.id, "--words", policy.words);
      await eventually(async () => (await standing(platform, home, policy.id)).standing === "approved", {
        ...WAIT,
        what: "the policy in force at the platform",
      });

      // An op decided under it: ana may not scale any more.
      const scaled = await eventually(
        async () => {
          const ran = await platform.try(
            home,
            "op",
            "submit",
            "component.scale",
            "web",
            "--arg",
            "replicas=2",
            "--as",
            "ana",
            "--wait-for",
            "60s",
            "--json",
          );
          return ran.code !== 0 && ran.out.includes("no-scaling") && ran.out;
        },
        { ...WAIT, what: "an op refused under the new policy" },
      );
      assert.match(scaled, /policy_denied/);

      // The desired state, by the same people: a component whose image CI will change.
      const desired = await proposes(platform, "desired", (text) =>
        text.replace(
          "components = [",
          `components = [\n    { name = "shop", component = "release", settings = { image = "${image("1")}" } },`,
        ),
      );
      await approvesWithRad(ben, pins.desired.rid, "libre-wuji-desired", ana.did, desired.id);
      await eventually(async () => (await standing(platform, cleo.home, desired.id)).missing === 1, {
        ...WAIT,
        what: "ben's approval of the desired state",
      });
      await platform.at(cleo.home, "governance", "approve", desired.id, "--words", desired.words);
      const shop = async (): Promise<string> =>
        JSON.parse(await readFile(join(home, "orchestrator", "data", "files", "shop.json"), "utf8").catch(() => "{}")).settings?.image ??
        "";
      await eventually(async () => (await shop()) === image("1"), { ...WAIT, what: "the desired state applied" });

      // CI: one digest, within its rule, with one person; and nothing else.
      const pipeline = join(installed.folder, "pipeline");
      const ciKey = join(installed.folder, "ci.json");
      await copyFile(join(home, "keys", "ci.json"), ciKey);
      await platform.at(pipeline, "governance", "clone", join(installed.folder, "acme.pin"), "--remote", join(home, "storage"));
      const setImage = (component: string, to: string) => platform.try(pipeline, "desired", "set-image", component, to, "--key", ciKey);
      const elsewhere = await setImage("shop", `evil.example/shop@sha256:${"2".repeat(64)}`);
      assert.deepEqual([elsewhere.code, /another repository is for people/.test(elsewhere.err)], [1, true], elsewhere.err);
      const update = await setImage("shop", image("2"));
      assert.equal(update.code, 0, update.err);
      const updateId = /proposed ([0-9a-f]{12}) under the rule shop-images; 1 more/.exec(update.out)?.[1] ?? assert.fail(update.out);
      assert.equal(await shop(), image("1"));
      await eventually(async () => (await standing(platform, cleo.home, updateId)).missing === 1, {
        ...WAIT,
        what: "the update at cleo's machine",
      });
      const { words = "" } = await standing(platform, cleo.home, updateId);
      await platform.at(cleo.home, "governance", "approve", updateId, "--words", words);
      await eventually(async () => (await shop()) === image("2"), { ...WAIT, what: "the image of CI applied" });
      assert.equal((await platform.try(home, "drift")).code, 0);
      const seeds = ["--seeds", `${dirname(cleo.seed.storage)},${ben.folder}`];
      const status = await platform.triplane("governance", "status", ...seeds);
      assert.match(status, /on top +[0-9a-f]{12} by ci \(shop-images\): shop sha256:2222/);
      for (const line of ["just enough people stand behind the approved policy", "2 of 3"]) assert.ok(status.includes(line), status);

      // An outsider: rad, a seed's address, and the pins.
      const jti = await eventually(
        async () => {
          const { records } = JSON.parse(await platform.triplane("ledger", "log", "--json")) as { records: readonly Listed[] };
          const applied = records.filter(({ kind }) => kind === "desired.apply");
          // The state of `triplane init`, the shop, and its image from CI; the newest comes first.
          return applied.length >= 3 && applied[0]?.outcome === "applied" && applied[0].subject;
        },
        { ...WAIT, what: "the ledger to have CI's image" },
      );
      const receipt = join(installed.folder, "receipt.json");
      await platform.triplane("receipt", jti, "--out", receipt);
      await verifiesAsOutsider(place, platform, cleo.seed, receipt);
    },
    TIMEOUT_MS,
  );
});

async function verifiesAsOutsider(place: PeerPlace, { pins, rids, installed, home }: Platform, seed: Seed, receipt: string): Promise<void> {
  const folder = join(place.folder, "o");
  await using auditor = await radicleHome({
    programs: place.programs,
    folder,
    key: generateSigningKey(),
    alias: "auditor",
    connect: [seed.address],
  });
  await auditor.startNode();
  const [nid = ""] = seed.address.split("@");
  const state = repositoryDir(auditor.storage, pins.state.rid);
  const tipIn = async (storage: string): Promise<string> => {
    const tips = await namespaceTips(repositoryDir(storage, pins.state.rid)).catch(() => new Map<string, string>());
    return JSON.stringify([...tips]);
  };
  const here = await tipIn(join(home, "storage"));
  await eventually(async () => (await tipIn(seed.storage)) === here, { ...WAIT, what: "the ledger at cleo's seed" });
  for (const rid of rids) await auditor.rad(["clone", rid, "--seed", nid, "--scope", "all"]);
  // A machine account with nothing else set up: no variable but these, and an empty home.
  const empty = join(installed.folder, "empty");
  await mkdir(empty);
  const env = { HOME: empty, PATH: "/usr/bin:/bin" };
  const known = ["--state-rid", pins.state.rid, "--state-root", pins.state.identityRoot, "--policy-rid", pins.policy.rid];
  const verify = ["ledger", "verify", state, "--full", ...known, "--controller", pins.controller];
  const decisions = ["--policy-repo", repositoryDir(auditor.storage, pins.policy.rid), "--policy-root", pins.policy.identityRoot];
  const ledger = await run(process.execPath, [join(ROOT, "packages/cli/src/main.ts"), ...verify, ...decisions], { cwd: empty, env });
  assert.equal(ledger.code, 0, `${ledger.out}${ledger.err}`);
  assert.match(ledger.out, /every one run again/);
  const file = join(empty, "receipt.json");
  await copyFile(receipt, file);
  const verifier = join(empty, "verify-receipt.mjs");
  await copyFile(join(ROOT, "tools/verify-receipt/verify-receipt.mjs"), verifier);
  const proven = await run("/usr/bin/env", ["-i", `HOME=${empty}`, process.execPath, verifier, file, ...known], { cwd: empty, env });
  assert.equal(proven.code, 0, `${proven.out}${proven.err}`);
  assert.match(proven.out, /The receipt proves this/);
}
