// Who answers for which records: the founder's key first, then each key that the one before it handed the ledger over to (ADR-029).
//
// 1. The file `successions` holds one token a line, and only grows. A commit that adds one holds no records.
// 2. Each is signed by the key whose turn it is and by the next one. No key has two turns, so that a signer tells the place.
import { type Did, type Digest, type Succession, TriplaneError, toTriplaneError, verifySuccession } from "@triplane/contract";
import type { ObjectId, ObjectReader } from "../git/index.ts";
import type { LedgerAnchor } from "./state-repository.ts";

export const SUCCESSIONS_PATH = "successions";
export const MAX_SUCCESSIONS = 64;

/** A key's time as the ops-controller's. */
export interface Tenure {
  readonly controller: Did;
  /** Index of the first record that it signs. */
  readonly fromIndex: number;
  /** How it came to it; undefined for the founder. */
  readonly succession: Succession | undefined;
}

/** The first is the founder's, the last one is the key whose turn it is now. */
export type Tenures = readonly [Tenure, ...Tenure[]];

type Whose = Pick<LedgerAnchor, "rid" | "workspace" | "founder">;

/** Throws `ledger_chain_broken` where a line does not continue those before it. */
export function tenuresOf(tokens: readonly string[], anchor: Whose): Tenures {
  const tenures: [Tenure, ...Tenure[]] = [{ controller: anchor.founder, fromIndex: 0, succession: undefined }];
  if (tokens.length > MAX_SUCCESSIONS) throw broken(`it names ${tokens.length} successions, at most ${MAX_SUCCESSIONS} are believed`);
  for (const [at, compact] of tokens.entries()) {
    let succession: Succession;
    try {
      succession = verifySuccession(compact);
    } catch (cause) {
      throw broken(`succession ${at + 1} is refused: ${toTriplaneError(cause).message}`, cause);
    }
    const { claims } = succession;
    const before = lastOf(tenures);
    if (claims.iss !== before.controller)
      throw broken(`succession ${at + 1} was signed by ${claims.iss}, and it was ${before.controller}'s to hand over`);
    if (claims.state_rid !== anchor.rid || !claims.aud.startsWith(`${anchor.workspace}/`))
      throw broken(`succession ${at + 1} is about another ledger: ${claims.state_rid}`);
    if (claims.size < before.fromIndex) throw broken(`succession ${at + 1} goes back to record ${claims.size}`);
    if (tenures.some(({ controller }) => controller === claims.to)) throw broken(`${claims.to} had its turn before`);
    tenures.push({ controller: claims.to, fromIndex: claims.size, succession });
  }
  return tenures;
}

/** Those that a commit's tree names. */
export async function tenuresAt(objects: ObjectReader, tree: ObjectId | undefined, anchor: Whose): Promise<Tenures> {
  return tenuresOf(await successionTokens(objects, tree), anchor);
}

export async function successionTokens(objects: ObjectReader, tree: ObjectId | undefined): Promise<readonly string[]> {
  if (tree === undefined) return [];
  const entry = await objects.entryAt(tree, SUCCESSIONS_PATH);
  if (entry === undefined) return [];
  if (entry.mode !== "100644") throw broken("it is no plain file");
  return linesOf(await objects.blob(entry.id));
}

function linesOf(content: Buffer): readonly string[] {
  const lines = content.toString("latin1").split("\n");
  if (lines.pop() !== "" || lines.length === 0) throw broken("its lines do not end");
  return lines;
}

export function encodeSuccessions(tokens: readonly string[]): string {
  return tokens.map((token) => `${token}\n`).join("");
}

/** Whose key signs the record at this index. Where several keys took over at one size, the last of them. */
export function controllerOf(tenures: Tenures, index: number): Did {
  return (tenures.findLast(({ fromIndex }) => fromIndex <= index) ?? tenures[0]).controller;
}

export function currentController(tenures: Tenures): Did {
  return lastOf(tenures).controller;
}

export function lastOf(tenures: Tenures): Tenure {
  return tenures.at(-1) ?? tenures[0];
}

const TITLE = "Hand over at ";

/** The message of the commit by which a key hands over; nothing in it is free. */
export function handOverMessage(size: number, to: Did, chainHead: Digest): string {
  return `${TITLE}${size}\n\nTo: ${to}\nChain: ${chainHead}\n`;
}

/** Whether a commit says that it hands over. What it holds shows whether it does. */
export function isHandOver(message: string): boolean {
  return message.startsWith(TITLE);
}

function broken(why: string, cause?: unknown): TriplaneError {
  return new TriplaneError("ledger_chain_broken", `the file ${SUCCESSIONS_PATH}: ${why}`, { cause });
}
