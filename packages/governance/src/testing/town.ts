// What this room's tests share: a workspace that three people govern, each on a machine of their own, and a folder as remote between them.
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type Clock, generateSigningKey, type SigningKey } from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { nidOfDid } from "@triplane/ledger";
import { changeDelegates } from "../delegates.ts";
import { type Fetched, fetchRepository, pushRepository } from "../exchange.ts";
import { foundWorkspace, joinWorkspace } from "../found.ts";
import { propose } from "../propose.ts";
import { openGoverned } from "../repository.ts";
import type { Reviewed, ReviewOptions } from "../review.ts";
import { GOVERNED, type Remote, type Site } from "../site.ts";
import { approve, findProposal } from "../vote.ts";

export const WORKSPACE = "w1";
const START_MS = 1_790_000_000_000;

export function manualClock(): Clock & { advance(ms: number): void } {
  let nowMs = START_MS;
  return {
    nowMs: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-governance-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Machine {
  readonly name: string;
  readonly key: SigningKey;
  readonly site: Site;
  fetch(): Promise<readonly Fetched[]>;
  push(): Promise<void>;
}

export interface Town {
  readonly clock: ReturnType<typeof manualClock>;
  readonly remote: Remote;
  readonly controller: SigningKey;
  readonly keeper: SigningKey;
  readonly ana: Machine;
  readonly ben: Machine;
  readonly cleo: Machine;
  machine(name: string): Promise<Machine>;
  readonly review: ReviewOptions;
}

type Keyholder = "ana" | "ben" | "cleo" | "controller" | "keeper";

interface Founded {
  readonly folder: string;
  readonly pins: Site["pins"];
  readonly keys: Readonly<Record<Keyholder, SigningKey>>;
}

/** Founding takes hundreds of git processes: the tests of a file get copies of one town. */
let founded: Promise<Founded> | undefined;
after(async () => {
  if (founded !== undefined) await rm((await founded).folder, { recursive: true, force: true });
});

/** Two of three decide; nothing is approved yet; everybody has what everybody signed. */
export async function town(): Promise<Town> {
  founded ??= found();
  const original = await founded;
  const folder = await temporaryFolder();
  await cp(original.folder, folder, { recursive: true });
  return townIn({ ...original, folder }, manualClock());
}

async function found(): Promise<Founded> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-governance-"));
  const clock = manualClock();
  const [ana, ben, cleo] = [generateSigningKey(), generateSigningKey(), generateSigningKey()];
  const keys = { ana, ben, cleo, controller: generateSigningKey(), keeper: generateSigningKey() };
  const storageDir = join(folder, "ana", "storage");
  const founder = { founder: ana, principal: "ana", controller: keys.controller };
  const pins = await foundWorkspace({ storageDir, workspace: WORKSPACE, ...founder, clock });
  const made = { folder, pins, keys };
  const world = townIn(made, clock);
  await mkdir(world.remote.url);
  await world.ana.push();
  await pushRepository(world.ana.site, "state", world.remote, keys.controller.did, { random: systemRandom });
  for (const each of [world.ben, world.cleo]) await settle(world, each);
  await world.ana.fetch();
  const added = { add: [ben.did, cleo.did], remove: [], threshold: 2 };
  await changeDelegates(world.ana.site, added, { key: ana, clock });
  await world.ana.push();
  for (const each of [world.ben, world.cleo]) await each.fetch();
  return made;
}

async function settle({ remote, clock }: Pick<Town, "remote" | "clock">, made: Machine): Promise<void> {
  await made.fetch();
  await fetchRepository(made.site, "state", remote, { random: systemRandom });
  await joinWorkspace(made.site, { key: made.key, principal: made.name, clock });
  await made.push();
}

function townIn({ folder, pins, keys }: Founded, clock: Town["clock"]): Town {
  const remote: Remote = { name: "hub", url: join(folder, "hub") };
  const machineOf = (name: string, key: SigningKey): Machine => {
    const site: Site = {
      workspace: WORKSPACE,
      storageDir: join(folder, name, "storage"),
      pins,
      memoryFile: join(folder, name, "memory.json"),
      minThreshold: 2,
      remotes: [remote],
    };
    return {
      name,
      key,
      site,
      fetch: async () => {
        const fetched: Fetched[] = [];
        for (const each of GOVERNED) fetched.push(await fetchRepository(site, each, remote, { random: systemRandom, own: key.did }));
        return fetched;
      },
      push: async () => {
        for (const each of GOVERNED) await pushRepository(site, each, remote, key.did, { random: systemRandom });
      },
    };
  };
  const [ana, ben, cleo] = [machineOf("ana", keys.ana), machineOf("ben", keys.ben), machineOf("cleo", keys.cleo)];
  const machine = async (name: string): Promise<Machine> => {
    const made = machineOf(name, generateSigningKey());
    await settle({ remote, clock }, made);
    return made;
  };
  const review: ReviewOptions = { nowS: Math.floor(START_MS / 1000), checkDesired: () => undefined };
  return { clock, remote, controller: keys.controller, keeper: keys.keeper, ana, ben, cleo, machine, review };
}

/** Further keys of people, by name; a name that is new is a further operator. */
export type Keys = Readonly<Record<string, readonly string[]>>;

/** A policy of these people, with some rules changed. */
export function policyFiles(
  world: Town,
  changes: { readonly version: number; readonly more?: string; readonly removal?: number; readonly keys?: Keys },
): Map<string, string> {
  const { keys = {} } = changes;
  const first = [world.ana, world.ben, world.cleo].map(({ name, key }) => [name, [key.did, ...(keys[name] ?? [])]] as const);
  const others = Object.entries(keys).filter(([name]) => !first.some(([known]) => known === name));
  const operators = [...first, ...others].map(
    ([name, dids]) =>
      `{ principal = "${name}", keys = ["${dids.join('", "')}"], groups = ["ops"], scopes = ["all"], may = ['Approve, 'Admit] }`,
  );
  const { desired, state } = world.ana.site.pins;
  const text = `{
  version = 1,
  workspace = "${WORKSPACE}",
  policy_version = ${changes.version},
  limits = { max_lifetime_s = 3600, clock_skew_s = 30${changes.more ?? ""} },
  operators = [${operators.join(", ")}],
  keepers = [{ name = "keeper", keys = ["${world.keeper.did}"] }],
  scopes = [{ name = "all", kinds = ["component.*"], targets = ["*"] }],
  review = [{ id = "removal", kinds = ["component.remove"], targets = ["*"], approvals = ${changes.removal ?? 2}, groups = ["ops"] }],
  auto_sign = [{ id = "routine", kinds = ["component.deploy"], targets = ["*"] }],
  pins = {
    desired = { rid = "${desired.rid}", root = "${desired.identityRoot}" },
    state = { rid = "${state.rid}", root = "${state.identityRoot}" },
    controller = "${world.controller.did}",
  },
}
`;
  return new Map([["keeper_policy.ncl", text]]);
}

export function sigrefsOf(machine: Machine): string {
  return `refs/namespaces/${nidOfDid(machine.key.did)}/refs/rad/sigrefs`;
}

/** Proposes a policy on a machine and pushes it. */
export async function put(world: Town, by: Machine, version: number, removal = 2, keys: Keys = {}): Promise<Reviewed> {
  const { clock, review } = world;
  const repository = await openGoverned(by.site, "policy");
  const files = policyFiles(world, { version, removal, keys });
  const made = await propose(by.site, repository, {
    ...review,
    key: by.key,
    principal: by.name,
    clock,
    files,
    title: `Version ${version}`,
  });
  await by.push();
  return made;
}

/** Fetches, approves what has these words, pushes. */
export async function vote(world: Town, by: Machine, made: Reviewed) {
  await by.fetch();
  const found = await findProposal(by.site, made.commit.slice(0, 12));
  const voted = await approve(by.site, found, made.words, { ...world.review, key: by.key, clock: world.clock });
  await by.push();
  return voted;
}

/** The approved policy after a fetch. */
export async function approvedOn(machine: Machine): Promise<string | undefined> {
  await machine.fetch();
  return (await openGoverned(machine.site, "policy")).approved?.commit;
}
