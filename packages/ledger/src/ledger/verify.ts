// Verifies a whole ledger, from a storage repository, a mirror clone or a plain clone; offline, trusting only the pin.
import { setTimeout as delay } from "node:timers/promises";
import { type AuditRecord, type Did, TriplaneError } from "@triplane/contract";
import { listRefs, type ObjectId, type ObjectReader, openObjects } from "../git/index.ts";
import { namespaced, nidOfDid, refs } from "../radicle/layout.ts";
import type { SigrefsEntry } from "../radicle/sigrefs.ts";
import { gitDirOf } from "../radicle/storage.ts";
import type { Checkpoint, LedgerProblem, LedgerReport, MissingNumbers, RepositoryPin } from "../types.ts";
import { LEDGER_BRANCH } from "./layout.ts";
import { type LedgerAnchor, plainCloneAnchor, signedHead, verifyStateRepository } from "./state-repository.ts";
import { type HistoryResult, problemOf, verifyHistory } from "./verify-history.ts";
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
}

const DEFAULT_GRACE_S = 7 * 24 * 3600;
const HEAD_REF = refs.head(LEDGER_BRANCH);

/** Never throws for what the repository holds: every finding is a problem of the report. Throws `git_failed` where there is no repository. */
export async function verifyLedger(repoDir: string, pin: RepositoryPin, options: VerifyLedgerOptions = {}): Promise<LedgerReport> {
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    const standing = await findSettledHead(objects, gitDir, pin, options);
    if (standing.anchor === undefined) return report(standing, undefined, standing.problems, []);
    const { anchor } = standing;
    const audience = options.policyRid === undefined ? undefined : `${anchor.workspace}/${options.policyRid}`;
    const history = await verifyHistory(objects, anchor, standing.head, { ...options, audience });
    const problems: LedgerProblem[] = [];
    if (history.problem !== undefined) problems.push(history.problem);
    problems.push(...(await diagnoseStrays(objects, standing, history, audience)));
    problems.push(...standing.problems, ...headProblems(standing.chain, history));
    if (gitDir !== repoDir && history.problem === undefined) problems.push(...(await verifyWorkingCopy(objects, repoDir, standing.head)));
    const missing = history.sequences.missing();
    if (history.problem === undefined) problems.push(...overdue(missing, history, options.graceS ?? DEFAULT_GRACE_S));
    return report(standing, history, problems, missing);
  } finally {
    objects.close();
  }
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

/** A ledger that is being written moves several refs, and a reader may see some of them moved: only what stays is a finding. */
async function findSettledHead(
  objects: ObjectReader,
  gitDir: string,
  pin: RepositoryPin,
  options: VerifyLedgerOptions,
): Promise<LedgerStanding> {
  for (let attempt = 1; ; attempt += 1) {
    const standing = await findHead(objects, gitDir, pin, options);
    if (standing.anchor === undefined || standing.problems.length === 0 || attempt === SETTLE_ATTEMPTS) return standing;
    await delay(SETTLE_MS);
  }
}

async function findHead(objects: ObjectReader, gitDir: string, pin: RepositoryPin, options: VerifyLedgerOptions): Promise<LedgerStanding> {
  const none = { head: undefined, chain: [], strayHeads: new Map<string, ObjectId>() };
  try {
    const all = await listRefs(gitDir, "refs/");
    const isPlainClone = ![...all.keys()].some((name) => name.startsWith(refs.namespaces));
    if (isPlainClone) {
      const anchor = await plainCloneAnchor(objects, pin, options.controller, all.get(HEAD_REF));
      return { ...none, anchor, head: all.get(HEAD_REF), signedRefs: false, problems: [] };
    }
    const { anchor, verified } = await verifyStateRepository(objects, gitDir, pin);
    if (options.controller !== undefined && options.controller !== anchor.controller)
      throw new TriplaneError("delegates_invalid", `the only delegate is ${anchor.controller}, pinned is ${options.controller}`);
    const head = signedHead(verified, anchor.controller, HEAD_REF);
    const strayHeads = new Map<string, ObjectId>();
    const ownHead = namespaced(nidOfDid(anchor.controller), HEAD_REF);
    for (const name of [ownHead, HEAD_REF]) {
      const loose = all.get(name);
      if (loose !== undefined && loose !== head) strayHeads.set(name, loose);
    }
    const strays = [...new Set([...verified.strayRefs, ...strayHeads.keys()])];
    const problems = strays.map(
      (name): LedgerProblem => ({ code: "sigrefs_invalid", message: `${name} is not what the ops-controller signed` }),
    );
    return { anchor, head, signedRefs: true, chain: verified.chains.get(anchor.controller) ?? [], strayHeads, problems };
  } catch (thrown) {
    return { ...none, anchor: undefined, signedRefs: false, problems: [problemOf(thrown, undefined, "identity_invalid")] };
  }
}

/** Follows heads that nobody signed, so that the report names the record in which they differ. */
async function diagnoseStrays(
  objects: ObjectReader,
  standing: LedgerStanding,
  history: HistoryResult,
  audience: string | undefined,
): Promise<LedgerProblem[]> {
  if (standing.anchor === undefined || history.problem !== undefined) return [];
  const known = new Set(history.commits);
  for (const head of standing.strayHeads.values()) {
    if (known.has(head)) continue;
    const { problem } = await verifyHistory(objects, standing.anchor, head, { audience });
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
): LedgerReport {
  return {
    ok: problems.length === 0,
    size: history?.position.tree.size ?? 0,
    head: standing.head,
    chainHead: history?.position.chainHead,
    checkpoint: history?.checkpoint,
    problems,
    workspace: standing.anchor?.workspace,
    controller: standing.anchor?.controller,
    signedRefs: standing.signedRefs,
    missing,
  };
}
