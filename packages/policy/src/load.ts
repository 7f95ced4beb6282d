// Reading a policy from the files of a commit.
import { type Digest, TriplaneError } from "@triplane/contract";
import type { LoadedPolicy, PolicyFiles } from "./types.ts";

/** Throws nickel_* or `policy_invalid` with all problems. */
export function loadPolicy(_files: PolicyFiles): LoadedPolicy {
  throw new TriplaneError("internal", "being built");
}

/** SHA-256 of the canonical JSON of the sorted list of [path, SHA-256 hex] of all files. */
export function policyDigest(_files: PolicyFiles): Digest {
  throw new TriplaneError("internal", "being built");
}
