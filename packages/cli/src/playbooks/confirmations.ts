// Who has confirmed a run, and whether they are enough: signatures held against the policy's operators and groups.
import {
  assertTimes,
  type Confirmation,
  canonicalJson,
  type Did,
  formatAudience,
  TriplaneError,
  toTriplaneError,
  verifyConfirmation,
} from "@triplane/contract";
import { type Policy, signerOf } from "@triplane/policy";
import type { Playbook } from "@triplane/reflection";
import { audienceOf, type WorkspaceFile } from "../home/workspace-file.ts";
import type { PlaybookRequest } from "./requests.ts";

export interface Counted {
  /** Names of people who count, each once. */
  readonly people: readonly string[];
  /** The confirmations that count, as they were signed. */
  readonly compacts: readonly string[];
  readonly refused: readonly { readonly why: string }[];
  readonly needed: number;
  readonly groups: readonly string[];
}

export interface Asking {
  readonly request: PlaybookRequest;
  readonly playbook: Playbook;
  readonly policy: Policy;
  readonly workspace: WorkspaceFile;
  readonly nowS: number;
}

/** People are counted, not keys. */
export function countConfirmations(compacts: readonly string[], asking: Asking): Counted {
  const { approvals = 0, groups = [] } = asking.playbook.confirmation ?? {};
  const people = new Map<string, string>();
  const refused: { why: string }[] = [];
  for (const compact of compacts) {
    try {
      people.set(assertCounts(verifyConfirmation(compact), asking), compact);
    } catch (thrown) {
      refused.push({ why: toTriplaneError(thrown).message });
    }
  }
  return { people: [...people.keys()], compacts: [...people.values()], refused, needed: approvals, groups };
}

/** The person behind a confirmation that counts. Throws `confirmation_refused`. */
function assertCounts({ claims }: Confirmation, asking: Asking): string {
  const { request, workspace, nowS } = asking;
  if (claims.aud !== formatAudience(audienceOf(workspace))) throw refused("it is for another workspace");
  if (claims.run !== request.run || claims.playbook !== request.playbook)
    throw refused(`it is about ${claims.playbook}, run ${claims.run}`);
  if (claims.digest !== request.digest) throw refused("it is about other files of the playbook");
  if (canonicalJson(claims.parameters) !== canonicalJson(request.parameters)) throw refused("it is about other parameters");
  const { clock_skew_s: clockSkewS, max_lifetime_s: maxLifetimeS } = asking.policy.limits;
  assertTimes(claims, { nowS, clockSkewS, maxLifetimeS });
  return personWhoMay(claims.iss, asking);
}

/** Throws `confirmation_refused` for a key of nobody who is asked. */
export function personWhoMay(did: Did, { policy, playbook }: Pick<Asking, "policy" | "playbook">): string {
  const signer = signerOf(policy, did);
  if (signer?.role !== "operator") throw refused(`${did} is no key of an operator in the policy in force`);
  if (!signer.entry.may.includes("Approve")) throw refused(`${signer.principal} may not approve`);
  const groups = playbook.confirmation?.groups ?? [];
  if (!signer.entry.groups.some((group) => groups.includes(group)))
    throw refused(`${signer.principal} is in none of the groups that are asked: ${groups.join(", ")}`);
  return signer.principal;
}

function refused(message: string): TriplaneError {
  return new TriplaneError("confirmation_refused", message);
}
