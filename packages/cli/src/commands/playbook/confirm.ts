// triplane playbook confirm: a person's signature that exactly this run may go on.
import { formatAudience, nowSeconds, signConfirmationBy } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { duration, text } from "../../framework/parameters.ts";
import { audienceOf } from "../../home/workspace-file.ts";
import { policyInForce } from "../../people/policy.ts";
import { actorFor, asOption, keyOption } from "../../people/who.ts";
import { countConfirmations, personWhoMay } from "../../playbooks/confirmations.ts";
import { openPlace, PLAYBOOK_SHAPE } from "../../playbooks/place.ts";
import { assertSameFiles, keepConfirmation, readConfirmations, readRequest } from "../../playbooks/requests.ts";
import { homeOption, openHome } from "../home-option.ts";

const DEFAULT_LIFETIME_S = 3600;

export const playbookConfirm = defineCommand({
  description:
    "Signs playbook, digest of its files, parameters and run; it counts for nothing else, and only for as long as it is valid. Refused if it would not count: the files here are others, the policy in force does not list your key, or you are in none of the groups that are asked. Read `triplane playbook show RUN` first.",
  args: z.strictObject({ run: text("RUN", "Id of the run that waits") }),
  options: z.strictObject({
    as: asOption,
    key: keyOption,
    expiresIn: duration("How long it is valid (default: 1h, at most what the policy allows)").optional(),
    home: homeOption,
    ...PLAYBOOK_SHAPE,
  }),
  examples: [{ command: "triplane playbook confirm 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b --as ben", what: "ben says yes to that run" }],
  run: async ({ args, options }, context) => {
    const place = await openPlace(options, context);
    const { layout, workspace } = await openHome(options.home, context);
    const request = await readRequest(place.requestsFolder, args.run);
    const loaded = await place.catalogue.load(request.playbook);
    assertSameFiles(request, loaded);
    const { policy, ref } = await policyInForce(layout, workspace);
    const { principal, key } = await actorFor(options, context, layout, workspace);
    const person = personWhoMay(key.did, { policy, playbook: loaded.playbook });
    const iat = nowSeconds(context.clock);
    const lifetimeS = Math.min(options.expiresIn ?? DEFAULT_LIFETIME_S, policy.limits.max_lifetime_s);
    const { run, playbook, digest, parameters } = request;
    const compact = await signConfirmationBy(
      {
        aud: formatAudience(audienceOf(workspace)),
        iat,
        exp: iat + lifetimeS,
        run,
        playbook,
        digest,
        parameters,
        policy_commit: ref.commit,
      },
      key,
    );
    await keepConfirmation(place.requestsFolder, run, key.did, compact);
    const asking = { request, playbook: loaded.playbook, policy, workspace, nowS: iat };
    const counted = countConfirmations(await readConfirmations(place.requestsFolder, run), asking);
    return { run, playbook, principal, person, confirmedBy: counted.people, needed: counted.needed };
  },
  render: ({ run, playbook, person, confirmedBy, needed }) =>
    confirmedBy.length >= needed
      ? `${person} confirmed ${run}; that is enough. Go on: triplane playbook run ${playbook} --run ${run}`
      : `${person} confirmed ${run}; ${needed - confirmedBy.length} more needed.`,
});
