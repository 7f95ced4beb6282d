// The receipt of a run: made when it ends, signed by who ran it, verified by anybody who has the policy repository.
import {
  type Did,
  digestOf,
  formatAudience,
  nowSeconds,
  type PlaybookReceiptClaims,
  type Signer,
  signPlaybookReceiptBy,
  TriplaneError,
  toTriplaneError,
  verifyPlaybookReceipt,
} from "@triplane/contract";
import { isApprovedStep, ledgerCheckpoint, readTreeFiles, repositoryDir } from "@triplane/ledger";
import { type LoadedPolicy, loadPolicy, signerOf } from "@triplane/policy";
import type { LoadedPlaybook, PlaybookCatalogue, RunView } from "@triplane/reflection";
import { z } from "zod";
import type { CommandContext } from "../framework/command.ts";
import type { HomeLayout } from "../home/layout.ts";
import { audienceOf, type WorkspaceFile } from "../home/workspace-file.ts";
import { POLICY_MIN_THRESHOLD, policySource } from "../people/policy.ts";
import { countConfirmations } from "./confirmations.ts";
import { opsIn, reportSteps } from "./report.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

const receiptFileSchema = z.strictObject({
  format: z.literal("triplane-playbook-receipt-1"),
  receipt: z.string().max(64 * 1024),
  confirmations: z.array(z.string().max(16 * 1024)).max(16),
});
export type PlaybookReceiptFile = z.infer<typeof receiptFileSchema>;

export type Position = NonNullable<PlaybookReceiptClaims["before"]>;

/** Where ledger and policy stand; undefined where there is no workspace, or none that can be read. */
export async function positionOf(layout: HomeLayout, workspace: WorkspaceFile): Promise<Position | undefined> {
  const { state } = workspace.pins;
  try {
    const checkpoint = await ledgerCheckpoint(repositoryDir(layout.storage, state.rid), state);
    const { commit } = await policySource(layout, workspace).approvedHead(undefined);
    return { size: checkpoint?.size ?? 0, root: checkpoint?.root ?? "", policy_commit: commit };
  } catch {
    return undefined;
  }
}

export interface ReceiptParts {
  readonly workspace: WorkspaceFile;
  readonly loaded: LoadedPlaybook;
  readonly view: RunView;
  readonly by: string;
  readonly confirmations: readonly string[];
  readonly before: Position | undefined;
  readonly after: Position | undefined;
}

export async function makeReceipt(
  parts: ReceiptParts,
  signer: Signer,
  context: Pick<CommandContext, "clock">,
): Promise<PlaybookReceiptFile> {
  const { workspace, loaded, view, by, confirmations, before, after } = parts;
  const receipt = await signPlaybookReceiptBy(
    {
      aud: formatAudience(audienceOf(workspace)),
      iat: nowSeconds(context.clock),
      run: view.id,
      playbook: loaded.name,
      digest: loaded.digest,
      files: Object.fromEntries(loaded.files),
      parameters: { ...view.parameters },
      by,
      result: view.state === "open" ? "failed" : view.state,
      steps: view.steps.map(({ id, state, evidence }) => ({ id, state, attempts: evidence.map(attemptOf) })),
      confirmations: confirmations.map((compact) => digestOf(compact)),
      ops: [...opsIn(reportSteps(view))],
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    },
    signer,
  );
  return { format: "triplane-playbook-receipt-1", receipt, confirmations: [...confirmations] };
}

function attemptOf({ startedAt, endedAt, exitCode, outputDigest }: RunView["steps"][number]["evidence"][number]) {
  return {
    started_at: startedAt,
    ended_at: endedAt,
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(outputDigest === undefined ? {} : { output_digest: outputDigest as `sha256:${string}` }),
  };
}

export interface VerifiedReceipt {
  readonly claims: PlaybookReceiptClaims;
  /** People who confirmed, by name. */
  readonly confirmedBy: readonly string[];
  /** Whether the playbook here has the files that ran; undefined where it is not here. */
  readonly sameFiles: boolean | undefined;
}

/** Throws `playbook_receipt_invalid` with what is wrong. */
export async function verifyReceipt(
  text: string,
  {
    layout,
    workspace,
    catalogue,
  }: { readonly layout: HomeLayout; readonly workspace: WorkspaceFile; readonly catalogue: PlaybookCatalogue },
): Promise<VerifiedReceipt> {
  const file = parse(text);
  const { claims } = attempt("the signature", () => verifyPlaybookReceipt(file.receipt));
  if (claims.aud !== formatAudience(audienceOf(workspace))) throw invalid("it is of another workspace");
  const digests = file.confirmations.map((compact) => digestOf(compact));
  if (digests.length !== claims.confirmations.length || digests.some((digest) => !claims.confirmations.includes(digest)))
    throw invalid("the confirmations beside it are not those that it names");
  const before = await policyAt(layout, workspace, claims.before?.policy_commit);
  const after = await policyAt(layout, workspace, claims.after?.policy_commit);
  assertRunner(claims.iss, claims.by, [before, after]);
  const loaded = await catalogue.load(claims.playbook).catch(() => undefined);
  const confirmedBy = confirmedIn(file, claims, loaded, before, workspace);
  return { claims, confirmedBy, sameFiles: loaded === undefined ? undefined : loaded.digest === claims.digest };
}

function parse(text: string): PlaybookReceiptFile {
  try {
    return receiptFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TriplaneError("playbook_receipt_invalid", "this is no receipt of a playbook's run", { cause });
  }
}

function assertRunner(did: Did, by: string, policies: readonly (LoadedPolicy | undefined)[]): void {
  const known = policies.some((each) => {
    const signer = each === undefined ? undefined : signerOf(each.policy, did);
    return signer !== undefined && signer.role !== "keeper" && signer.role !== "break_glass" && signer.principal === by;
  });
  if (!known) throw invalid(`${did} is no key of ${by} in the policy of that time`);
}

function confirmedIn(
  file: PlaybookReceiptFile,
  claims: PlaybookReceiptClaims,
  loaded: LoadedPlaybook | undefined,
  before: LoadedPolicy | undefined,
  workspace: WorkspaceFile,
): readonly string[] {
  if (loaded === undefined || loaded.digest !== claims.digest) {
    if (file.confirmations.length === 0) return [];
    throw invalid(
      "the playbook is not here as it was, so nobody can say who had to confirm it",
      "Verify it in a checkout of that time: --provisioning-root.",
    );
  }
  if (!loaded.playbook.destructive) return [];
  if (before === undefined) throw invalid("it names no approved policy under which people confirmed");
  const request = {
    ...{ format: "triplane-playbook-request-1" as const, run: claims.run, playbook: claims.playbook, digest: claims.digest },
    ...{ parameters: claims.parameters, at: claims.steps[0]?.attempts[0]?.started_at ?? "" },
  };
  const started = Math.floor(Date.parse(request.at) / 1000);
  const nowS = Number.isNaN(started) ? claims.iat : started;
  const counted = countConfirmations(file.confirmations, { request, playbook: loaded.playbook, policy: before.policy, workspace, nowS });
  if (counted.people.length < counted.needed)
    throw invalid(`${counted.people.length} of ${counted.needed} had confirmed it: ${counted.refused.map(({ why }) => why).join("; ")}`);
  return counted.people;
}

/** The policy of a commit that M of N approved. */
async function policyAt(layout: HomeLayout, workspace: WorkspaceFile, commit: string | undefined): Promise<LoadedPolicy | undefined> {
  if (commit === undefined) return undefined;
  const { policy } = workspace.pins;
  const repo = repositoryDir(layout.storage, policy.rid);
  const { commit: head } = await policySource(layout, workspace).approvedHead(undefined);
  const step = { branch: "main", head, minThreshold: POLICY_MIN_THRESHOLD } as const;
  if (commit !== head && !(await isApprovedStep(repo, policy, commit, step))) throw invalid(`policy ${commit} was never approved`);
  return loadPolicy(await readTreeFiles(repo, commit, { maxBytes: MAX_POLICY_BYTES }));
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw invalid(`${what}: ${toTriplaneError(thrown).message}`);
  }
}

function invalid(message: string, hint?: string): TriplaneError {
  return new TriplaneError("playbook_receipt_invalid", message, hint === undefined ? {} : { hint });
}
