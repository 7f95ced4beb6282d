// Reading a policy from the files of a commit: data only, the right shape, consistent, or all problems at once.
// A function anywhere in it is refused where it stands. `policy-files-are-declarative-only`
import { canonicalJson, type Digest, digestOf, TriplaneError } from "@triplane/contract";
import { conform, type Importer, type ReadOptions, readNickel } from "@triplane/nickel";
import { findInconsistencies } from "./consistency.ts";
import { type Policy, policySchema } from "./schema.ts";
import type { LoadedPolicy, PolicyFiles } from "./types.ts";

/** The file of a policy repository that a keeper reads; it may import the others. */
export const POLICY_ENTRY = "keeper_policy.ncl";

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
  return conform(readNickel(text, options), {
    schema: policySchema,
    code: "policy_invalid",
    whole: "the policy",
    further: findInconsistencies,
  });
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
