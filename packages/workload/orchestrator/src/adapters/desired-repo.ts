// The desired state from its governed repository: only what enough people approved is ever read.

import { TriplaneError } from "@triplane/contract";
import { DesiredReader, type DesiredReaderOptions, isAncestor, readTreeFiles } from "@triplane/ledger";
import { readNickel } from "@triplane/nickel";
import { type DesiredState, parseDesiredState } from "../desired-schema.ts";
import type { DesiredSource } from "../kind.ts";

export const DESIRED_FILE = "desired.ncl";
const MAX_BYTES = 1024 * 1024;

export interface DesiredRepo extends DesiredReaderOptions {
  readonly workspace: string;
}

/** A commit is taken when it is the approved head, or was one and lies not behind what is applied. */
export function desiredRepo(repo: DesiredRepo): DesiredSource {
  const reader = new DesiredReader(repo);
  const isBehind = async (commit: string, other: string): Promise<boolean> =>
    commit !== other && (await isAncestor(repo.desired.directory, commit, other));
  return {
    async at(commit, applied): Promise<DesiredState> {
      const standing = await reader.standing();
      const head = standing.head.commit;
      if (!(await reader.isApproved(commit, standing)))
        throw new TriplaneError("quorum_not_reached", `commit ${commit} is not approved; the approved head is ${head}`);
      if (applied !== undefined && commit !== head && (await isBehind(commit, applied)))
        throw new TriplaneError("desired_outdated", `commit ${commit} is older than ${applied}, which is applied`);
      return await desiredAt(repo.desired.directory, commit, repo.workspace);
    },
  };
}

/** For a rebuild: what was applied, its records prove, whoever is a delegate or listed in the policy today. */
export function recordedDesired(directory: string, workspace: string): DesiredSource {
  return { at: (commit) => desiredAt(directory, commit, workspace) };
}

async function desiredAt(directory: string, commit: string, workspace: string): Promise<DesiredState> {
  const files = await readTreeFiles(directory, commit, { maxBytes: MAX_BYTES });
  const text = files.get(DESIRED_FILE);
  if (text === undefined) throw new TriplaneError("args_invalid", `commit ${commit} has no ${DESIRED_FILE}`);
  const document = readNickel(text, { file: DESIRED_FILE, importer: (path) => files.get(path) });
  return parseDesiredState(document, workspace);
}
