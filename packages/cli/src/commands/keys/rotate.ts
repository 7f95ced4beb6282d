// triplane keys rotate: put a new key in the place of the keeper's or the controller's, once the approved policy names it.
//
// 1. Nothing moves before the policy that is in force here names the new key in that role (`no-fail-open`).
// 2. Each step leaves a home that works, and the command may be run again after any of them.
import { rm } from "node:fs/promises";
import { type Did, type SigningKey, TriplaneError } from "@triplane/contract";
import { readKeyFile, writeKeyFile } from "@triplane/kit";
import type { Policy } from "@triplane/policy";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { oneOf, text } from "../../framework/parameters.ts";
import type { HomeLayout } from "../../home/layout.ts";
import { writeWorkspaceFile } from "../../home/workspace-file.ts";
import { policyInForce } from "../../people/policy.ts";
import { isThere } from "../../people/who.ts";
import { homeOption, openHome } from "../home-option.ts";

const ROLES = ["keeper", "controller"] as const;
type Role = (typeof ROLES)[number];

export const keysRotate = defineCommand({
  description:
    "The policy comes first: it lists the keeper's new key beside the old one, or names the controller's new key (`triplane governance checkout`, `propose`, `approve`). Then this puts the new key in the old one's place, and the planes take it up when they start again. The controller's old key stays as controller-former until it has handed the ledger over, which happens at the new key's first record; `triplane ledger verify` shows it, and then the file can go. Operators change theirs with `triplane governance delegates rotate`.",
  args: z.strictObject({
    role: oneOf(ROLES, "ROLE", "keeper or controller"),
    name: text("NAME", "The new key, by its name in the home (`triplane keys new`)"),
  }),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane keys rotate keeper keeper-next", what: "when the policy lists the key beside the old one" },
    { command: "triplane keys rotate controller controller-next", what: "when the policy names the key" },
  ],
  run: async ({ args: { role, name }, options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const isAgain = !(await isThere(layout.keyFile(name)));
    const key = await newKey(layout, role, name, isAgain);
    const { policy } = await policyInForce(layout, workspace);
    assertNamed(policy, role, key.did);
    const before = await replace(layout, role, key);
    if (role === "controller") await writeWorkspaceFile(layout, { ...workspace, pins: { ...workspace.pins, controller: key.did } });
    if (!isAgain) await rm(layout.keyFile(name));
    return { role, did: key.did, before, former: role === "controller" ? layout.formerControllerKey : undefined };
  },
  render: ({ role, did, former }) =>
    [
      `${did} is the ${role}'s key in this home.`,
      role === "controller"
        ? "Start the workload plane and the CI plane again: triplane down; triplane up"
        : "Start the signing plane again: triplane down --plane signing; triplane up --plane signing",
      ...(former === undefined ? [] : [`The ledger goes over at its first record; then ${former} can be deleted.`]),
    ].join("\n"),
});

/** After a run that did not end, the new key may be in its place already. */
async function newKey(layout: HomeLayout, role: Role, name: string, isAgain: boolean): Promise<SigningKey> {
  if (!isAgain) return await readKeyFile(layout.keyFile(name));
  if (role === "controller" && (await isThere(layout.formerControllerKey))) return await readKeyFile(layout.keyFile(role));
  throw new TriplaneError("key_unknown", `${layout.keyFile(name)} is missing`, { hint: `\`triplane keys new ${name}\` makes it.` });
}

function assertNamed(policy: Policy, role: Role, did: Did): void {
  const isNamed = role === "controller" ? policy.pins.controller === did : policy.keepers.some(({ keys }) => keys.includes(did));
  if (isNamed) return;
  const where = role === "controller" ? "pins.controller" : "a keeper";
  throw new TriplaneError("succession_unapproved", `the policy in force does not name ${did} as ${where}`, {
    hint: "Propose and approve a policy that does: docs/how-to/rotate-a-key.md.",
  });
}

/** Returns the key that was there. */
async function replace(layout: HomeLayout, role: Role, key: SigningKey): Promise<Did> {
  const now = await readKeyFile(layout.keyFile(role));
  if (now.did === key.did) return now.did;
  if (role === "controller") {
    const former = layout.formerControllerKey;
    if ((await isThere(former)) && (await readKeyFile(former)).did !== now.did)
      throw new TriplaneError("usage", `${former} is there: the change before this one is not finished`, {
        hint: "`triplane ledger verify` shows whether that key has handed the ledger over. Then delete the file.",
      });
    await writeKeyFile(former, now);
  }
  await writeKeyFile(layout.keyFile(role), key);
  return now.did;
}
