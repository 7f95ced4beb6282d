// Reading a policy from the files of a commit: data only, the right shape, consistent, or all problems at once.
import { canonicalJson, type Digest, digestOf, TriplaneError } from "@triplane/contract";
import { EnumTag, type Importer, type NickelValue, type ReadOptions, readNickel, type ValuePath } from "@triplane/nickel";
import { findInconsistencies } from "./consistency.ts";
import { type PolicyProblem, placeProblems, policyInvalid, problemsOfIssues } from "./problems.ts";
import { type Policy, policySchema } from "./schema.ts";
import type { LoadedPolicy, PolicyFiles } from "./types.ts";

/** The file of a policy repository that a keeper reads; it may import the others. */
export const POLICY_ENTRY = "keeper_policy.ncl";

/** Where the schema wants enum tags; everywhere else it wants strings. */
const TAG_PLACE = /^(?:operators\.\d+\.may|(?:deny|auto_sign)\.\d+\.windows\.\d+\.days)\.\d+$/;

/**
 * Reads the policy of a commit from all files of its tree. Imports stay among them.
 * Throws a nickel failure, or `policy_invalid` with all problems and their places.
 */
export function loadPolicy(files: PolicyFiles): LoadedPolicy {
  const importer = filesImporter(files);
  const text = importer(POLICY_ENTRY);
  if (text === undefined) throw new TriplaneError("policy_invalid", `there is no file ${POLICY_ENTRY} in the policy repository`);
  return { policy: readPolicy(text, { file: POLICY_ENTRY, importer }), digest: policyDigest(files), files };
}

/** Reads and checks one policy text. Throws as `loadPolicy`. */
export function readPolicy(text: string, options: Omit<ReadOptions, "limits">): Policy {
  const document = readNickel(text, options);
  const result = policySchema.safeParse(document.json);
  const shape = [...tagProblems(document.value, []), ...(result.success ? [] : problemsOfIssues(result.error.issues))];
  const problems = result.success && shape.length === 0 ? findInconsistencies(result.data) : shape;
  if (!result.success || problems.length > 0) throw policyInvalid(placeProblems(document, problems));
  return result.data;
}

/**
 * The digest by which a policy is named: SHA-256 of the canonical JSON of the list, sorted by path, of [path, SHA-256 in
 * hexadecimal] of every file.
 */
export function policyDigest(files: PolicyFiles): Digest {
  const entries = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, content]) => [path, digestOf(content).slice("sha256:".length)]);
  return digestOf(canonicalJson(entries));
}

/** An importer for files in memory. */
export function filesImporter(files: PolicyFiles): Importer {
  return (path) => {
    const content = files.get(path);
    if (content === undefined || typeof content === "string") return content;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    } catch (cause) {
      throw new TriplaneError("nickel_syntax", `${path}: the file is not UTF-8`, { cause, details: { file: path } });
    }
  };
}

/** Tags where strings belong and the reverse; in JSON they would look alike, to the nickel program they do not. */
function tagProblems(value: NickelValue, path: ValuePath): readonly PolicyProblem[] {
  const wantsTag = TAG_PLACE.test(path.join("."));
  if (value instanceof EnumTag) return wantsTag ? [] : [{ path, message: `'${value.tag} is an enum tag, and none belongs here` }];
  if (typeof value === "string") return wantsTag ? [{ path, message: `must be an enum tag: '${value.slice(0, 32)}` }] : [];
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.flatMap((item: NickelValue, index) => tagProblems(item, [...path, index]));
  return Object.entries(value).flatMap(([name, member]) => tagProblems(member, [...path, name]));
}
