// Where a ledger and the policies of its decisions are: in the home, or in clones that flags name.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type DecisionsFrom, repositoryDir } from "@triplane/ledger";
import { text } from "../../framework/parameters.ts";
import { POLICY_MIN_THRESHOLD } from "../../people/policy.ts";
import { type Anchors, anchorOptions } from "./anchors.ts";

export const policyOptions = {
  policyRepo: text("DIR", "Clone of the policy repository to run decisions again (default: the home's)").optional(),
  policyRoot: anchorOptions.stateRoot.meta({ description: "Root commit of the policy repository's identity", placeholder: "COMMIT" }),
};

/** The home's own ledger. Throws `usage` where there is no home. */
export function storedLedger(anchors: Anchors, rid: string): string {
  if (anchors.home === undefined) throw new TriplaneError("usage", "DIR is needed where there is no home");
  return repositoryDir(anchors.home.layout.storage, rid);
}

/** Where the policies are under which decisions are run again. `asker` is what needs them, for the message. Throws `usage`. */
export function decisionsFrom(
  asker: string,
  options: { readonly policyRepo?: string | undefined; readonly policyRoot?: string | undefined },
  anchors: Anchors,
  cwd: string,
): DecisionsFrom {
  const { home, policyRid } = anchors;
  const workspace = home?.workspace;
  const root = options.policyRoot ?? workspace?.pins.policy.identityRoot;
  if (policyRid === undefined || root === undefined)
    throw new TriplaneError(
      "usage",
      `${asker} needs a pinned policy repository: give --policy-rid, --policy-root and --policy-repo, or --home`,
    );
  const stored = home === undefined ? undefined : repositoryDir(home.layout.storage, policyRid);
  const repo = options.policyRepo === undefined ? stored : resolve(cwd, options.policyRepo);
  if (repo === undefined) throw new TriplaneError("usage", `${asker} needs --policy-repo where there is no home`);
  return { repoDir: repo, pin: { rid: policyRid, identityRoot: root }, minThreshold: POLICY_MIN_THRESHOLD };
}
