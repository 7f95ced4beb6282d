// The desired repository on disk, verified natively.
import { approvedHead, type RepositoryPin } from "@triplane/ledger";
import type { DesiredSource } from "../ports.ts";

const DESIRED_BRANCH = "main";

/** `minThreshold`: fewest delegates whose signature a change of the desired state may need. */
export function desiredRepository(repoDir: string, pin: RepositoryPin, minThreshold: number): DesiredSource {
  return {
    approvedHead: async (lastAccepted) => (await approvedHead(repoDir, pin, { branch: DESIRED_BRANCH, minThreshold, lastAccepted })).commit,
  };
}
