// An automation's image update: one digest changed in the approved desired state, signed as its own head, where a rule of the policy lets it.
//
// 1. What no reader would count is not signed: refused with the reason, before there is a commit that people have to look at.
import { type Clock, nowSeconds, type Signer, TriplaneError } from "@triplane/contract";
import { changeNamespace, commitFiles, formerImage, isAncestor, openNamespace } from "@triplane/ledger";
import { type ImageChange, imagesIn, judgeImageUpdate, signerOf, withImage } from "@triplane/policy";
import type { Files } from "./difference.ts";
import { filesAt } from "./files.ts";
import { introduction } from "./found.ts";
import { HEAD_REF, PROPOSALS_PREFIX, type Proposal, proposalRef, proposalsOf } from "./proposals.ts";
import { type GovernedRepository, openGoverned } from "./repository.ts";
import type { Site } from "./site.ts";

export interface SetImageOptions {
  readonly key: Signer;
  readonly clock: Clock;
  readonly target: string;
  readonly setting: string;
  /** `registry/repository@sha256:…`. */
  readonly image: string;
  /** Where the image comes from, for people: a link to the build. One line. */
  readonly reason?: string | undefined;
  /** Checks the files; throws what is wrong with them. */
  readonly checkDesired: (files: Files) => void | Promise<void>;
}

export interface ImageSet {
  readonly commit: string;
  /** The desired state had this image already: nothing was signed. */
  readonly unchanged: boolean;
  readonly principal: string;
  readonly rule: string | undefined;
  readonly changes: readonly ImageChange[];
}

/** Throws `update_refused`, `args_invalid`, `key_unknown` for a key that is no automation's, `quorum_not_reached` where nothing is approved. */
export async function setImage(site: Site, options: SetImageOptions): Promise<ImageSet> {
  const { key, clock, target, setting, image, reason, checkDesired } = options;
  const repository = await openGoverned(site, "desired");
  const { repoDir, policy, approved } = repository;
  if (approved === undefined) throw repository.problem ?? new TriplaneError("quorum_not_reached", "no desired state is approved");
  const signer = policy === undefined ? undefined : signerOf(policy, key.did);
  if (policy === undefined || signer?.role !== "automation")
    throw new TriplaneError("key_unknown", `${key.did} is no automation of the policy in force`, {
      hint: "People add the key to `automations`, and a rule to `image_updates`; people themselves change the desired state by proposals.",
    });
  const { principal } = signer;
  const before = await filesAt(repoDir, approved.commit);
  if (imagesIn(before).get(`${target} ${setting}`) === image)
    return { commit: approved.commit, unchanged: true, principal, rule: undefined, changes: [] };
  const after = withImage(before, target, setting, image) as Files;
  const update = judgeImageUpdate(policy, key.did, before, after);
  if (!update.within) throw new TriplaneError("update_refused", update.why);
  const former = await formerImage(repoDir, approved.commit, update.changes);
  if (former !== undefined)
    throw new TriplaneError("update_refused", `${former.target} had ${former.to} before; going back is for people to approve`);
  await checkDesired(after);
  await assertNamespace(site, repository, options, principal);
  const changed = [...after].filter(([path, text]) => before.get(path) !== text);
  const title = `${target}: ${image.slice(image.indexOf("@") + 1)}${reason === undefined ? "" : ` (${reason})`}`;
  const files = { parent: approved.commit, files: Object.fromEntries(changed) };
  const commit = await commitFiles({ repo: repoDir, key, ...files, message: title, timeS: nowSeconds(clock), author: principal });
  await changeNamespace({ repo: repoDir, key, clock }, (current) => {
    // Of its own proposals only the newest is of use: it was made on what counts now.
    const kept = [...current].filter(([name]) => !name.startsWith(PROPOSALS_PREFIX));
    return new Map([...kept, [HEAD_REF, commit], [proposalRef(commit), commit]]);
  });
  return { commit, unchanged: false, principal, rule: update.rule.id, changes: update.changes };
}

async function assertNamespace(
  site: Site,
  { repoDir, namespaces, verified }: GovernedRepository,
  { key, clock }: SetImageOptions,
  principal: string,
) {
  if (namespaces.has(key.did)) return;
  const pin = site.pins.desired;
  await openNamespace({ repo: repoDir, key, clock }, pin, verified.identity.revision, new Map([introduction(principal, pin.identityRoot)]));
}

export interface UpdateStanding {
  /** `accepted`: readers count it. `waits`: for people. `overtaken`: something else was put on what people approved meanwhile. */
  readonly standing: "accepted" | "waits" | "overtaken";
  readonly missing: number;
  readonly proposal: Proposal | undefined;
}

/** Where an update stands now. */
export async function updateStanding(site: Site, commit: string): Promise<UpdateStanding> {
  const repository = await openGoverned(site, "desired");
  const { repoDir, approved } = repository;
  if (approved !== undefined && (approved.commit === commit || (await isAncestor(repoDir, commit, approved.commit))))
    return { standing: "accepted", missing: 0, proposal: undefined };
  const proposal = (await proposalsOf(repository)).find((each) => each.commit === commit);
  if (proposal?.standing === "open" && proposal.missing > 0) return { standing: "waits", missing: proposal.missing, proposal };
  return { standing: "overtaken", missing: 0, proposal };
}
