// Verifies a whole ledger, from a storage repository, a mirror clone or a plain clone; offline, trusting only the pin.
import { setTimeout as delay } from "node:timers/promises";
import { type AuditRecord, type Did, type Succession, TriplaneError } from "@triplane/contract";
import { listRefs, type ObjectId, type ObjectReader, openObjects } from "../git/index.ts";
import { approvedHead } from "../radicle/approved-head.ts";
import { namespaced, nidOfDid, refs } from "../radicle/layout.ts";
import type { SigrefsEntry } from "../radicle/sigrefs.ts";
import { gitDirOf } from "../radicle/storage.ts";
import type { Checkpoint, LedgerProblem, LedgerReport, LedgerSuccession, MissingNumbers, RepositoryPin } from "../types.ts";
import type { DecisionSource } from "./batch-job.ts";
import { CheckPool } from "./check-pool.ts";
import { LEDGER_BRANCH } from "./layout.ts";
import { problemOf } from "./problem.ts";
import { Sequences } from "./sequences.ts";
import { readStanding, type Standing } from "./standing.ts";
import {
  assertHadTurn,
  assertSameControllers,
  type LedgerAnchor,
  plainCloneAnchor,
  signedHead,
  verifyStateRepository,
} from "./state-repository.ts";
import { SubjectTable } from "./subject-table.ts";
import { assertGrounds } from "./succession-grounds.ts";
import { currentController, type Tenures, tenuresAt } from "./successions.ts";
import { openMemory, type Remembered, type VerifierMemory } from "./verifier-memory.ts";
import { type HistoryResult, verifyHistory } from "./verify-history.ts";
import { verifyWorkingCopy } from "./working-copy.ts";

export interface VerifyLedgerOptions {
  /** A further check of each record, like running its decision again. What it throws makes the record a problem. */
  readonly checkRecord?: (record: AuditRecord, index: number) => void | Promise<void>;
  /** Called after each batch with the number of records verified. */
  readonly onProgress?: (done: number) => void;
  /** A checkpoint remembered from before or from another seed: the ledger must contain it (pitfall 32, 38). */
  readonly atLeast?: Checkpoint;
  /** The ops-controller's key, pinned. Needed for a plain clone, which carries no signed refs. */
  readonly controller?: Did;
  /** The policy repository that all records must be for. */
  readonly policyRid?: string;
  /**
   * How long, in seconds before the last checkpoint, an op may be on its way before its missing number is a problem.
   * The longest lifetime that the policy allows is the right value.
   */
  readonly graceS?: number;
  /** Run the decision inside every record again, under the approved policies of this repository; on all cores. */
  readonly decisions?: DecisionsFrom;
  /**
   * A file of the verifier's own. What was found right is noted in it, and next time only what came after is verified; a ledger
   * that no longer contains it is refused. Whoever can write the file can make the verifier believe.
   */
  readonly memoryFile?: string;
}

export interface DecisionsFrom {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  /** Fewest delegates whose signature a change of the policy may need. */
  readonly minThreshold: number;
}

const DEFAULT_GRACE_S = 7 * 24 * 3600;
const HEAD_REF = refs.head(LEDGER_BRANCH);

/** Never throws for what the ledger holds: every finding is a problem of the report. Throws `git_failed` where there is no repository. */
export async function verifyLedger(repoDir: string, pin: RepositoryPin, options: VerifyLedgerOptions = {}): Promise<LedgerReport> {
  const gitDir = await gitDirOf(repoDir);
  const memory = openMemory(options.memoryFile);
  const objects = openObjects(gitDir);
  let pool: CheckPool | undefined;
  try {
    let remembered = usable(memory.remembered, pin, options);
    const standing = await findSettledHead(objects, gitDir, pin, { ...options, remembered });
    // A plain clone showed no signed refs: where there are some, none of them was verified before.
    if (standing.signedRefs && remembered?.sigrefs === null) remembered = undefined;
    if (remembered === undefined) memory.forget();
    if (standing.anchor === undefined) return report(standing, undefined, standing.problems, [], 0);
    const decisions = await decisionSource(options.decisions, remembered);
    pool = new CheckPool({ decisions });
    const run: Run = { objects, gitDir, repoDir, pin, options, memory, remembered, standing, anchor: standing.anchor, pool, decisions };
    return await verifyRun(run);
  } finally {
    await pool?.close();
    objects.close();
    memory.close();
  }
}

interface Run {
  readonly objects: ObjectReader;
  readonly gitDir: string;
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  readonly options: VerifyLedgerOptions;
  readonly memory: VerifierMemory;
  readonly remembered: Remembered | undefined;
  readonly standing: LedgerStanding;
  readonly anchor: LedgerAnchor;
  readonly pool: CheckPool;
  readonly decisions: DecisionSource | undefined;
}

async function verifyRun(run: Run): Promise<LedgerReport> {
  const { objects, standing, anchor, options, pool, memory, remembered } = run;
  const audience = options.policyRid === undefined ? remembered?.audience : `${anchor.workspace}/${options.policyRid}`;
  const sequences = new Sequences(remembered?.sequences);
  let from: Standing | undefined;
  try {
    from = remembered === undefined ? undefined : await standingAsRemembered(objects, anchor, remembered);
  } catch (thrown) {
    return report(standing, undefined, [problemOf(thrown, undefined, "ledger_tree_invalid")], [], 0);
  }
  const history = await verifyHistory(objects, anchor, standing.head, {
    ...options,
    audience,
    pool,
    sequences,
    from,
    subjects: memory.subjects,
  });
  const problems: LedgerProblem[] = [];
  if (history.problem !== undefined) problems.push(history.problem);
  else if (run.decisions !== undefined) problems.push(...(await groundlessSuccessions(run.decisions, history.tenures)));
  problems.push(...(await diagnoseStrays(run, history, audience)));
  problems.push(...standing.problems, ...headProblems(standing.chain, history));
  if (run.gitDir !== run.repoDir && history.problem === undefined)
    problems.push(...(await verifyWorkingCopy(objects, run.repoDir, standing.head, from?.head?.tree)));
  const missing = sequences.missing();
  if (history.problem === undefined) problems.push(...overdue(missing, history, options.graceS ?? DEFAULT_GRACE_S));
  if (problems.length === 0) takeDown(run, history, sequences);
  return report(standing, history, problems, missing, remembered?.size ?? 0);
}

/** What was remembered, if it was about this ledger and nothing less was checked than is asked for now. */
function usable(remembered: Remembered | undefined, pin: RepositoryPin, options: VerifyLedgerOptions): Remembered | undefined {
  if (remembered === undefined || options.checkRecord !== undefined) return undefined;
  const { decisions, policyRid, controller } = options;
  const sameLedger = remembered.rid === pin.rid && remembered.identity_root === pin.identityRoot;
  const sameKey = controller === undefined || controller === remembered.controller || remembered.former.includes(controller);
  const sameAudience = policyRid === undefined || remembered.audience.endsWith(`/${policyRid}`);
  const sameDecisions =
    decisions === undefined ||
    (remembered.decisions?.rid === decisions.pin.rid && remembered.decisions.identity_root === decisions.pin.identityRoot);
  return sameLedger && sameKey && sameAudience && sameDecisions ? remembered : undefined;
}

async function decisionSource(from: DecisionsFrom | undefined, remembered: Remembered | undefined): Promise<DecisionSource | undefined> {
  if (from === undefined) return undefined;
  const { repoDir, pin, minThreshold } = from;
  const head = await approvedHead(repoDir, pin, { branch: "main", minThreshold, lastAccepted: remembered?.decisions?.head });
  return { repoDir, pin, head: head.commit, minThreshold };
}

/** Throws `ledger_tree_invalid` where the commit's own files are not what was verified. */
async function standingAsRemembered(objects: ObjectReader, anchor: LedgerAnchor, remembered: Remembered): Promise<Standing> {
  const gone = (cause?: unknown) =>
    new TriplaneError("ledger_tree_invalid", `the ledger no longer has the ${remembered.size} records that were verified before`, {
      cause,
    });
  const at = await readStanding(objects, anchor, remembered.commit).catch((cause: unknown) => {
    throw gone(cause);
  });
  const same =
    at.checkpoint?.size === remembered.size &&
    at.checkpoint.root === remembered.root &&
    at.position.chainHead === remembered.chain_head &&
    currentController(at.tenures) === remembered.controller;
  if (!same) throw gone();
  return at;
}

/** Notes in the memory where this verification ended. An empty ledger is not worth it. */
function takeDown(run: Run, history: HistoryResult, sequences: Sequences): void {
  const { options, memory, pin, standing, decisions, remembered } = run;
  const { checkpoint, position, audience } = history;
  if (options.memoryFile === undefined || options.checkRecord !== undefined || checkpoint === undefined) return;
  if (standing.head === undefined || audience === undefined) return;
  const ranDecisions =
    decisions === undefined ? null : { rid: decisions.pin.rid, identity_root: decisions.pin.identityRoot, head: decisions.head };
  // Without the decisions this time, those of before cover less than all records.
  const covered = remembered !== undefined && history.commits.length <= 1 ? (ranDecisions ?? remembered.decisions) : ranDecisions;
  memory.remember({
    version: 1,
    rid: pin.rid,
    identity_root: pin.identityRoot,
    controller: currentController(history.tenures),
    former: history.tenures.map(({ controller }) => controller).slice(0, -1),
    audience,
    decisions: covered,
    commit: standing.head,
    size: checkpoint.size,
    root: checkpoint.root,
    chain_head: position.chainHead,
    sigrefs: standing.chain[0]?.commit ?? null,
    sequences: sequences.state().map(([key, ranges]) => [key, [...ranges]]),
  });
}

interface LedgerStanding {
  readonly anchor: LedgerAnchor | undefined;
  readonly head: ObjectId | undefined;
  readonly signedRefs: boolean;
  /** Signed refs, newest first. */
  readonly chain: readonly SigrefsEntry[];
  /** Heads that somebody set and the controller did not sign. */
  readonly strayHeads: ReadonlyMap<string, ObjectId>;
  readonly problems: readonly LedgerProblem[];
}

const SETTLE_ATTEMPTS = 4;
const SETTLE_MS = 150;

interface HeadOptions {
  readonly controller?: Did;
  readonly remembered: Remembered | undefined;
}

/** A ledger that is being written moves several refs, and a reader may see some of them moved: only what stays is a finding. */
async function findSettledHead(objects: ObjectReader, gitDir: string, pin: RepositoryPin, options: HeadOptions): Promise<LedgerStanding> {
  for (let attempt = 1; ; attempt += 1) {
    const standing = await findHead(objects, gitDir, pin, options);
    if (standing.anchor === undefined || standing.problems.length === 0 || attempt === SETTLE_ATTEMPTS) return standing;
    await delay(SETTLE_MS);
  }
}

async function findHead(objects: ObjectReader, gitDir: string, pin: RepositoryPin, options: HeadOptions): Promise<LedgerStanding> {
  const none = { head: undefined, chain: [], strayHeads: new Map<string, ObjectId>() };
  try {
    const all = await listRefs(gitDir, "refs/");
    const isPlainClone = ![...all.keys()].some((name) => name.startsWith(refs.namespaces));
    if (isPlainClone) {
      const anchor = await plainCloneAnchor(objects, pin, options.controller, all.get(HEAD_REF));
      return { ...none, anchor, head: all.get(HEAD_REF), signedRefs: false, problems: [] };
    }
    const { remembered } = options;
    const { anchor, verified, controllers } = await verifyStateRepository(objects, gitDir, pin, {
      sigrefsFrom: remembered?.sigrefs == null ? undefined : { of: remembered.controller, entry: remembered.sigrefs },
    });
    const controller = controllers.at(-1) ?? anchor.founder;
    const head = signedHead(verified, controller, HEAD_REF);
    const tenures = await tenuresAt(objects, head === undefined ? undefined : (await objects.commit(head)).tree, anchor);
    assertSameControllers(controllers, tenures);
    if (options.controller !== undefined) assertHadTurn(options.controller, tenures);
    const strayHeads = new Map<string, ObjectId>();
    const ownHead = namespaced(nidOfDid(controller), HEAD_REF);
    for (const name of [ownHead, HEAD_REF]) {
      const loose = all.get(name);
      if (loose !== undefined && loose !== head) strayHeads.set(name, loose);
    }
    const strays = [...new Set([...verified.strayRefs, ...strayHeads.keys()])];
    const problems = strays.map(
      (name): LedgerProblem => ({ code: "sigrefs_invalid", message: `${name} is not what the ops-controller signed` }),
    );
    return { anchor, head, signedRefs: true, chain: verified.chains.get(controller) ?? [], strayHeads, problems };
  } catch (thrown) {
    return { ...none, anchor: undefined, signedRefs: false, problems: [problemOf(thrown, undefined, "identity_invalid")] };
  }
}

/** Follows heads that nobody signed, so that the report names the record in which they differ. */
async function diagnoseStrays(run: Run, history: HistoryResult, audience: string | undefined): Promise<LedgerProblem[]> {
  if (history.problem !== undefined) return [];
  const known = new Set(history.commits);
  for (const head of run.standing.strayHeads.values()) {
    if (known.has(head)) continue;
    const subjects = SubjectTable.inMemory();
    const fresh = { audience, pool: run.pool, sequences: new Sequences(), subjects };
    const { problem } = await verifyHistory(run.objects, run.anchor, head, fresh).finally(() => subjects.close());
    if (problem !== undefined) return [problem];
  }
  return [];
}

/** Every head that was ever signed must lie on the one history, in order. */
function headProblems(chain: readonly SigrefsEntry[], history: HistoryResult): LedgerProblem[] {
  if (history.problem !== undefined) return [];
  const place = new Map(history.commits.map((commit, at) => [commit, at]));
  let last = -1;
  for (const entry of chain.toReversed()) {
    const head = entry.refs.get(HEAD_REF);
    const at = head === undefined ? -1 : place.get(head);
    if (at === undefined || at < last) {
      return [{ code: "sigrefs_invalid", message: `signed refs ${entry.commit} moved the ledger's head off its own history` }];
    }
    last = at;
  }
  return [];
}

/** Each new key has to be the one that the policy names, and that policy an approved one. */
async function groundlessSuccessions(decisions: DecisionSource, tenures: Tenures): Promise<LedgerProblem[]> {
  const problems: LedgerProblem[] = [];
  for (const { succession } of tenures) {
    if (succession === undefined) continue;
    const { to, policy, size } = succession.claims;
    try {
      await assertGrounds(decisions, to, policy);
    } catch (thrown) {
      problems.push(problemOf(thrown, { index: size }, "ledger_chain_broken"));
    }
  }
  return problems;
}

/** What is told of a succession to people and programs. */
function successionTold({ claims }: Succession): LedgerSuccession {
  const { iss, to, size, policy, iat } = claims;
  return { from: iss, to, size, policyCommit: policy.commit, atS: iat };
}

function overdue(missing: readonly MissingNumbers[], history: HistoryResult, graceS: number): LedgerProblem[] {
  const lastS = Math.floor(history.position.timeMs / 1000);
  return missing
    .filter((gap) => lastS - gap.decidedAtS >= graceS)
    .map((gap) => ({
      code: "ledger_sequence_gap" as const,
      index: gap.seenAtIndex,
      message: `record ${gap.seenAtIndex} has a higher number of ${gap.key}, and ${gap.from === gap.to ? `number ${gap.from} is` : `numbers ${gap.from} to ${gap.to} are`} nowhere`,
    }));
}

function report(
  standing: LedgerStanding,
  history: HistoryResult | undefined,
  problems: readonly LedgerProblem[],
  missing: readonly MissingNumbers[],
  verifiedBefore: number,
): LedgerReport {
  return {
    ok: problems.length === 0,
    size: history?.position.tree.size ?? 0,
    head: standing.head,
    chainHead: history?.position.chainHead,
    checkpoint: history?.checkpoint,
    problems,
    workspace: standing.anchor?.workspace,
    controller: history === undefined ? standing.anchor?.founder : currentController(history.tenures),
    successions: history?.tenures.flatMap(({ succession }) => (succession === undefined ? [] : [successionTold(succession)])) ?? [],
    signedRefs: standing.signedRefs,
    missing,
    verifiedBefore,
  };
}
