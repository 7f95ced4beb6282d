// Scene: a removal, which two people have to approve; the issuer is not one of them.

import { formatAudience, signApprovalBy, subjects, TriplaneError, toTriplaneError, uuid7 } from "@triplane/contract";
import { approve, showReview } from "@triplane/keeper";
import { asReviewer } from "../../commands/keeper/options.ts";
import { audienceOf } from "../../home/workspace-file.ts";
import { withSubmitter } from "../../people/person.ts";
import { admissionIn, brief } from "../records.ts";
import type { Scene } from "../scene.ts";
import type { World } from "../world.ts";

export const removalScene: Scene = {
  id: "removal",
  title: "A removal needs two people besides the one who asks",
  claims: {
    waits: "the op waits in review, and nothing is applied",
    "own-approval": "the issuer's own approval counts for nothing, by the tool and by a message of their own",
    "one-is-not-enough": "one approval is not enough",
    approved: "two approvals from distinct principals let it through",
    applied: "the component is gone",
  },
  play: async (world, tell) => {
    const planned = await world.plan("ana", { op: "component.remove", target: "web", reason: "replaced by the new site" });
    tell.say("workload", `plan: ${planned.plan.actions[0]?.summary ?? ""} (${brief(planned.plan.digest)})`);
    const { jti } = (await world.submit("ana", planned)).entry;
    await world.eventually("the review", async () => (await world.stage("ana", jti)) === "review");
    const shown = await asReviewer(await world.person("ben"), (deps) => showReview(deps, jti));
    const need = shown.needs[0];
    const web = await world.target("web");
    tell.observe(
      "signing",
      "waits",
      shown.state === "open" && web.health === "healthy",
      `in review: rule ${need?.rule ?? "?"} asks ${need?.count ?? "?"} of ${need?.groups.join(", ") ?? "?"}; digest in words: ${shown.digestWords}`,
    );

    const refused = await speak(world, "ana", jti);
    await approveByHand(world, "ana", jti);
    const ben = await speak(world, "ben", jti);
    const afterBen = await asReviewer(await world.person("cleo"), (deps) => showReview(deps, jti));
    const own = afterBen.approvals.find((each) => each.principal === "ana");
    tell.observe(
      "operator",
      "own-approval",
      refused instanceof TriplaneError && own?.counts === false,
      "ana approves her own op: refused by the tool; published past the tool: seen, and not counted",
    );
    const one =
      !(ben instanceof TriplaneError) && ben.verdict === "review" && afterBen.state === "open" && afterBen.missing[0]?.count === 1;
    tell.observe(
      "operator",
      "one-is-not-enough",
      one,
      `ben approves the plan that he was shown; ${afterBen.missing[0]?.count ?? 0} more is needed`,
    );
    const cleo = await speak(world, "cleo", jti);
    if (cleo instanceof TriplaneError) throw cleo;
    tell.say("operator", "cleo approves");
    const record = await world.outcome("ana", jti);
    const admission = admissionIn(record);
    const approved = admission.basis === "approved" && admission.approvals.length === 2;
    tell.observe(
      "signing",
      "approved",
      approved,
      `admitted by rule ${admission.rule} with ${admission.approvals.length} approvals, which travel with the record`,
    );
    const gone = await world.target("web");
    tell.observe(
      "workload",
      "applied",
      record.claims.outcome === "applied" && gone.health === "stopped",
      `web is ${gone.health}, at version ${gone.version}`,
    );
  },
};

async function speak(world: World, principal: string, jti: string) {
  const person = await world.person(principal);
  try {
    return await asReviewer(person, (deps) => approve(deps, { jti, key: person.key }));
  } catch (error) {
    const failure = toTriplaneError(error);
    if (failure.code !== "approval_not_accepted") throw failure;
    return failure;
  }
}

/** A sound signature by the wrong person, sent without asking the tool. */
async function approveByHand(world: World, principal: string, jti: string): Promise<void> {
  const person = await world.person(principal);
  const { workspace, options } = world;
  const shown = await asReviewer(person, (deps) => showReview(deps, jti));
  const nowS = Math.floor(options.clock.nowMs() / 1000);
  const { plan, expected_state_version, exp } = shown.claims;
  const compact = await signApprovalBy(
    {
      ...{ aud: formatAudience(audienceOf(workspace)), jti: uuid7(options.clock.nowMs(), options.random.bytes(10)), iat: nowS, exp },
      ...{ op_jti: jti, op_digest: shown.opDigest, decision: "approve", policy_commit: shown.policy.commit, expected_state_version },
      ...(plan === undefined ? {} : { plan }),
    },
    person.key,
  );
  await withSubmitter(person, (_, bus) => bus.publish(subjects(workspace.workspace).approval(jti), compact));
}
