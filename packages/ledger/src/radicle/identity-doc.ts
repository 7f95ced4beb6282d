// Identity documents: who the delegates of a repository are and how many of them make a head canonical.
import { type Did, isDid, type Json, parseStrictJson, TriplaneError } from "@triplane/contract";
import { PROJECT_PAYLOAD } from "./layout.ts";

export interface IdentityDocument {
  readonly delegates: readonly Did[];
  readonly threshold: number;
  readonly name: string;
  readonly description: string;
  readonly defaultBranch: string;
}

const MAX_DELEGATES = 255;
const BRANCH = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const NAME = /^[A-Za-z0-9._-]{1,255}$/;

/** Radicle's canonical JSON: compact, keys sorted by bytes, strings in NFC, integers only. */
export function radicleJson(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.normalize("NFC"));
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(radicleJson).join(",")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key.normalize("NFC"), member] as const)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${radicleJson(member)}`).join(",")}}`;
  }
  throw invalid(`a ${typeof value} has no canonical form`);
}

export function encodeDocument(doc: IdentityDocument): string {
  validate(doc);
  const project = { name: doc.name, description: doc.description, defaultBranch: doc.defaultBranch };
  return radicleJson({ delegates: doc.delegates, payload: { [PROJECT_PAYLOAD]: project }, threshold: doc.threshold });
}

/** Reads a document's bytes; demands that they are canonical and that the document is sound. Throws `identity_invalid`. */
export function decodeDocument(bytes: Uint8Array): IdentityDocument {
  let value: Json;
  try {
    value = parseStrictJson(bytes);
  } catch (cause) {
    throw new TriplaneError("identity_invalid", "the identity document is not strict JSON", { cause });
  }
  if (Buffer.compare(Buffer.from(radicleJson(value)), bytes) !== 0) throw invalid("its bytes are not canonical");
  const top = record(value, "the document");
  const delegates = top["delegates"];
  const threshold = top["threshold"];
  const project = record(record(top["payload"], "payload")[PROJECT_PAYLOAD], PROJECT_PAYLOAD);
  const { name, description, defaultBranch } = project;
  if (!Array.isArray(delegates) || typeof threshold !== "number") throw invalid("delegates or threshold is missing");
  if (typeof name !== "string" || typeof description !== "string" || typeof defaultBranch !== "string") {
    throw invalid(`${PROJECT_PAYLOAD} lacks name, description or defaultBranch`);
  }
  const doc: IdentityDocument = { delegates: delegates as readonly Did[], threshold, name, description, defaultBranch };
  validate(doc);
  return doc;
}

/** More than half of the delegates. */
export function majority(doc: IdentityDocument): number {
  return Math.floor(doc.delegates.length / 2) + 1;
}

/** Signatures that a change of this document needs: Radicle asks for a majority only, we for the threshold as well. */
export function revisionQuorum(doc: IdentityDocument): number {
  return Math.max(doc.threshold, majority(doc));
}

function validate(doc: IdentityDocument): void {
  const distinct = new Set(doc.delegates);
  if (doc.delegates.length < 1 || doc.delegates.length > MAX_DELEGATES) throw invalid(`${doc.delegates.length} delegates`);
  if (distinct.size !== doc.delegates.length) throw invalid("a delegate is listed twice");
  for (const delegate of doc.delegates) {
    if (typeof delegate !== "string" || !isDid(delegate))
      throw invalid(`the delegate ${JSON.stringify(delegate)} is not an Ed25519 did:key`);
  }
  if (!Number.isSafeInteger(doc.threshold) || doc.threshold < 1 || doc.threshold > doc.delegates.length) {
    throw invalid(`threshold ${doc.threshold} of ${doc.delegates.length} delegates`);
  }
  if (!NAME.test(doc.name)) throw invalid(`the name ${JSON.stringify(doc.name.slice(0, 80))}`);
  if (doc.description.length > 255) throw invalid("the description is longer than 255 characters");
  if (!BRANCH.test(doc.defaultBranch) || doc.defaultBranch.includes("..") || doc.defaultBranch.endsWith(".lock"))
    throw invalid(`the branch ${JSON.stringify(doc.defaultBranch.slice(0, 80))}`);
}

function record(value: Json | undefined, what: string): { readonly [key: string]: Json } {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw invalid(`${what} is not an object`);
  return value as { readonly [key: string]: Json };
}

function invalid(why: string): TriplaneError {
  return new TriplaneError("identity_invalid", `the identity document is refused: ${why}`);
}
