// Makes the home of a local workspace: keys, NATS identities, three governed repositories, tokens, ports.
//
// 1. Everything is built in a folder beside the home and renamed into place at the end: a home is whole or not there.
// 2. The first policy and the first desired state are approved as every later one: by M operators' signed heads.
import { rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import {
  type Clock,
  type Did,
  digestOf,
  generateSigningKey,
  nowSeconds,
  type Random,
  type SigningKey,
  TriplaneError,
} from "@triplane/contract";
import { type PlannedRepository, planRepositories } from "@triplane/governance";
import { ensurePrivateFolder, isErrno, namesIfThere, writeKeyFile } from "@triplane/kit";
import { commitFiles, createRepository, pushHead, setCanonicalRefs } from "@triplane/ledger";
import { loadPolicy, type PolicyFiles } from "@triplane/policy";
import { setUpBus } from "./bus-set-up.ts";
import { type HomeLayout, homeLayout } from "./layout.ts";
import { choosePorts } from "./ports.ts";
import { renderPins, renderPrincipals } from "./principals.ts";
import { issueTokens } from "./tokens.ts";
import { type WorkspaceFile, writeWorkspaceFile } from "./workspace-file.ts";
import { readWorkspaceSources, type WorkspaceSources } from "./workspace-sources.ts";

/** Operators that have to approve a commit of the policy or of the desired state. */
const THRESHOLD = 2;

export interface CreateHomeOptions {
  readonly root: string;
  readonly workspace: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Replaces a home that exists, with its keys and its ledger. */
  readonly force: boolean;
  readonly portBase?: number | undefined;
  /** Block of ports to try first; follows from the root without it. */
  readonly portsStartAt?: number;
  progress(line: string): void;
}

/** Throws `home_exists`, `config_invalid` for sources that do not read, and what the policy's check throws. */
export async function createHome(options: CreateHomeOptions): Promise<WorkspaceFile> {
  await assertFree(options);
  const sources = await readWorkspaceSources(options.workspace);
  const building = homeLayout(`${options.root}.new-${Buffer.from(options.random.bytes(4)).toString("hex")}`);
  try {
    await ensurePrivateFolder(building.root);
    const workspace = await build(building, homeLayout(options.root), sources, options);
    await rm(options.root, { recursive: true, force: true });
    await rename(building.root, options.root);
    return workspace;
  } catch (error) {
    await rm(building.root, { recursive: true, force: true });
    throw error;
  }
}

async function build(
  building: HomeLayout,
  final: HomeLayout,
  sources: WorkspaceSources,
  options: CreateHomeOptions,
): Promise<WorkspaceFile> {
  const { clock, progress } = options;
  const { people } = sources;
  const operators = people.operators.map((entry) => entry.principal);
  const agents = people.agents.map((entry) => entry.principal);
  const automations = people.automations.map((entry) => entry.principal);
  const keeperNames = people.keepers.map((entry) => entry.name);

  const keys = await makeKeys(building, [...operators, ...agents, ...automations, ...keeperNames, "controller"]);
  progress(`keys: ${[...keys.keys()].join(", ")}`);

  const operatorKeys = operators.map((name) => keyOf(keys, name));
  const controller = keyOf(keys, "controller");
  const planned = planRepositories({
    workspace: options.workspace,
    operators: operatorKeys.map(({ did }) => did),
    controller: controller.did,
    threshold: THRESHOLD,
  });
  const repository = ({ name, description, threshold }: PlannedRepository, delegates: readonly [SigningKey, ...SigningKey[]]) =>
    createRepository({ storageDir: building.storage, name, description, founder: delegates[0], delegates, threshold, clock });
  const board = asFounders(operatorKeys);
  const policy = await repository(planned.policy, board);
  const desired = await repository(planned.desired, board);
  const state = await repository(planned.state, [controller]);
  progress(`repositories: policy ${policy.rid}, desired ${desired.rid}, state ${state.rid}`);

  const policyFiles: PolicyFiles = new Map([
    ...sources.policyFiles,
    ["principals.ncl", renderPrincipals(people, (name) => keyOf(keys, name).did)],
    [
      "pins.ncl",
      renderPins({
        desired: { rid: desired.rid, root: desired.identityRoot },
        state: { rid: state.rid, root: state.identityRoot },
        controller: controller.did,
      }),
    ],
  ]);
  loadPolicy(policyFiles);
  await approveFirst(policy.repoDir, policyFiles, `Policy of ${options.workspace}`, operatorKeys, clock);
  await approveFirst(desired.repoDir, sources.desiredFiles, `Desired state of ${options.workspace}`, operatorKeys, clock);
  progress(`policy and desired state: approved by ${operators.slice(0, THRESHOLD).join(" and ")} (${THRESHOLD} of ${operators.length})`);

  const ports = await choosePorts(options.portBase, options.portsStartAt ?? startOf(final.root));
  await setUpBus(building, final, { workspace: options.workspace, port: ports.nats, operators, others: [...agents, ...automations] });
  await issueTokens(building, { people: [...operators, ...agents, ...automations], random: options.random });
  for (const folder of [
    building.orchestrator,
    building.controller,
    building.keeper,
    building.mirror,
    building.desiredSync,
    building.run,
    building.logs,
  ])
    await ensurePrivateFolder(folder);

  const pinOf = (created: { readonly rid: string; readonly identityRoot: string }) => ({
    rid: created.rid,
    identityRoot: created.identityRoot,
  });
  const workspace: WorkspaceFile = {
    format: 1,
    workspace: options.workspace,
    purpose: "local",
    created: new Date(clock.nowMs()).toISOString(),
    pins: { policy: pinOf(policy), desired: pinOf(desired), state: pinOf(state), controller: controller.did },
    people: { operators, agents, automations },
    ports,
    catalog: sources.catalogDir,
  };
  await writeWorkspaceFile(building, workspace);
  return workspace;
}

async function makeKeys(layout: HomeLayout, names: readonly string[]): Promise<ReadonlyMap<string, SigningKey>> {
  await ensurePrivateFolder(layout.keys);
  const keys = new Map<string, SigningKey>();
  for (const name of names) {
    if (keys.has(name)) throw new TriplaneError("config_invalid", `two principals of this workspace are called ${name}`);
    const key = generateSigningKey();
    await writeKeyFile(layout.keyFile(name), key);
    keys.set(name, key);
  }
  return keys;
}

function keyOf(keys: ReadonlyMap<string, SigningKey>, name: string): SigningKey & { readonly did: Did } {
  const key = keys.get(name);
  if (key === undefined) throw new TriplaneError("internal", `no key was made for ${name}`);
  return key;
}

function asFounders(keys: readonly SigningKey[]): readonly [SigningKey, ...SigningKey[]] {
  const [first, ...rest] = keys;
  if (first === undefined || rest.length + 1 < THRESHOLD)
    throw new TriplaneError("config_invalid", `a workspace needs ${THRESHOLD} operators`);
  return [first, ...rest];
}

async function approveFirst(repo: string, files: PolicyFiles, message: string, keys: readonly SigningKey[], clock: Clock): Promise<void> {
  const [author] = keys;
  if (author === undefined) throw new TriplaneError("config_invalid", "a workspace needs operators");
  const spec = { repo, key: author, parent: undefined, files: Object.fromEntries(files), message, timeS: nowSeconds(clock) };
  const commit = await commitFiles(spec);
  for (const key of keys.slice(0, THRESHOLD)) await pushHead({ repo, key, branch: "main", commit, clock });
  await setCanonicalRefs(repo, "main", commit);
}

/** Nothing, or an empty folder, or, with force, a home: a folder that is anything else is never touched. */
async function assertFree({ root, force }: CreateHomeOptions): Promise<void> {
  const names = await namesIn(root);
  if (names.length === 0) return;
  const isHome = names.includes(basename(homeLayout(root).workspaceFile));
  if (force && isHome) return;
  const hint = isHome ? {} : { hint: "It is no home of Triplane, so not even --force replaces it; choose another folder with --home." };
  throw new TriplaneError("home_exists", `${root} exists and is not empty`, hint);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await namesIfThere(folder);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) throw new TriplaneError("home_exists", `${folder} is a file`, { cause: error });
    throw error;
  }
}

/** Homes in other folders begin their search elsewhere: two that are made at the same moment would both find the first block free. */
function startOf(root: string): number {
  return Number.parseInt(digestOf(root).slice(-8), 16);
}
