// The desired state from its governed repository: only what enough delegates approved is ever read.

import { TriplaneError } from "@triplane/contract";
import { approvedHead, isApprovedStep, type RepositoryPin, readTreeFiles } from "@triplane/ledger";
import { readNickel } from "@triplane/nickel";
import { type DesiredState, parseDesiredState } from "../desired-schema.ts";
import type { DesiredSource } from "../kind.ts";

export const DESIRED_BRANCH = "main";
export const DESIRED_FILE = "desired.ncl";
const MAX_BYTES = 1024 * 1024;

export interface DesiredRepo {
  readonly directory: string;
  readonly pin: RepositoryPin;
  readonly workspace: string;
}

/** A commit is taken when it is the approved head or was once: going back is a decision like any other. */
export function desiredRepo(repo: DesiredRepo): DesiredSource {
  return {
    async at(commit): Promise<DesiredState> {
      const head = await approvedHead(repo.directory, repo.pin, { branch: DESIRED_BRANCH });
      const step = { branch: DESIRED_BRANCH, head: head.commit, minThreshold: head.threshold };
      if (!(await isApprovedStep(repo.directory, repo.pin, commit, step))) {
        throw new TriplaneError("quorum_not_reached", `commit ${commit} is not approved; the approved head is ${head.commit}`);
      }
      const files = await readTreeFiles(repo.directory, commit, { maxBytes: MAX_BYTES });
      const text = files.get(DESIRED_FILE);
      if (text === undefined) throw new TriplaneError("args_invalid", `commit ${commit} has no ${DESIRED_FILE}`);
      const document = readNickel(text, { file: DESIRED_FILE, importer: (path) => files.get(path) });
      return parseDesiredState(document.json, repo.workspace);
    },
  };
}
