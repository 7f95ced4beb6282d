// triplane keys rotate: put a new key in the place of the keeper's, the controller's or a principal's, once the approved policy names it.
//
// 1. Nothing moves before the policy that is in force here names the new key in that role (`no-fail-open`).
// 2. Each step leaves a home that works, and the command may be run again after any of them.
import { rm } from "node:fs/promises";
import { type Did, type SigningKey, TriplaneError } from "@triplane/contract";
import { readKeyFile, writeKeyFile } from "@triplane/kit";
import { type Policy, signerOf } from "@triplane/policy";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import type { HomeLayout } from "../../home/layout.ts";
import { type WorkspaceFile, writeWorkspaceFile } from "../../home/workspace-file.ts";
import { policyInForce } from "../../people/policy.ts";
import { isThere } from "../../people/who.ts";
import { homeOption, openHome } from "../home-option.ts";

const CONTROLLER = "controller";
const KEEPER = "keeper";

export const keysRotate = defineCommand({
  description:
    "The policy comes first: it lists the new key of a keeper, an operator, an automation or an agent under their name, or names the controller's (`triplane governance checkout`, `policy amend`, `propose`, `approve`). Then this puts the new key in the old one's place, also where the old one is gone, and the planes take it up when they start again. The controller's old key stays as controller-former until it has handed the ledger over, which happens at the new key's first record; `triplane ledger verify` shows it, and then the file can go. Operators change theirs among the delegates with `triplane governance delegates rotate`.",
  args: z.strictObject({
    role: text("ROLE", "keeper, controller, or the name of an operator, automation or agent"),
    name: text("NAME", "The new key, by its name in the home (`triplane keys new`)"),
  }),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane keys rotate keeper keeper-next", what: "when the policy lists the key beside the old one" },
    { command: "triplane keys rotate controller controller-next", what: "when the policy names the key" },
    { command: "triplane keys rotate ci ci-next", what: "when the policy lists the key under ci" },
  ],
  run: async ({ args: { role, name }, options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    assertRole(workspace, role);
    const isAgain = !(await isThere(layout.keyFile(name)));
    const key = await newKey(layout, role, name, isAgain);
    const { policy } = await policyInForce(layout, workspace);
    assertNamed(policy, role, key.did);
    const before = await replace(layout, role, key);
    if (role === CONTROLLER) await writeWorkspaceFile(layout, { ...workspace, pins: { ...workspace.pins, controller: key.did } });
    if (!isAgain) await rm(layout.keyFile(name));
    return { role, did: key.did, before, former: role === CONTROLLER ? layout.formerControllerKey : undefined };
  },
  render: ({ role, did, former }) =>
    [
      `${did} is ${role === CONTROLLER || role === KEEPER ? `the ${role}'s` : `${role}'s`} key in this home.`,
      ...restartText(role),
      ...(former === undefined ? [] : [`The ledger goes over at its first record; then ${former} can be deleted.`]),
    ].join("\n"),
});

function restartText(role: string): readonly string[] {
  if (role === CONTROLLER) return ["Start the workload plane and the CI plane again: triplane down; triplane up"];
  if (role === KEEPER) return ["Start the signing plane again: triplane down --plane signing; triplane up --plane signing"];
  return ["A daemon that acts for it has to start again; desired-sync: triplane down --plane ci; triplane up --plane ci"];
}

function assertRole({ people }: WorkspaceFile, role: string): void {
  const known = [KEEPER, CONTROLLER, ...people.operators, ...people.automations, ...people.agents];
  if (!known.includes(role)) throw new TriplaneError("key_unknown", `there is no ${role} here`, { hint: `There are ${known.join(", ")}.` });
}

/** After a run that did not end, the new key may be in its place already. */
async function newKey(layout: HomeLayout, role: string, name: string, isAgain: boolean): Promise<SigningKey> {
  if (!isAgain) return await readKeyFile(layout.keyFile(name));
  if (role === CONTROLLER && (await isThere(layout.formerControllerKey))) return await readKeyFile(layout.keyFile(role));
  throw new TriplaneError("key_unknown", `${layout.keyFile(name)} is missing`, { hint: `\`triplane keys new ${name}\` makes it.` });
}

function assertNamed(policy: Policy, role: string, did: Did): void {
  if (isNamed(policy, role, did)) return;
  const where = role === CONTROLLER ? "pins.controller" : role === KEEPER ? "a keeper" : `a key of ${role}`;
  throw new TriplaneError("succession_unapproved", `the policy in force does not name ${did} as ${where}`, {
    hint: "Propose and approve a policy that does: docs/how-to/rotate-a-key.md.",
  });
}

function isNamed(policy: Policy, role: string, did: Did): boolean {
  if (role === CONTROLLER) return policy.pins.controller === did;
  const signer = signerOf(policy, did);
  if (role === KEEPER) return signer?.role === "keeper";
  return signer?.principal === role && signer.role !== "keeper" && signer.role !== "break_glass";
}

/** Returns the key that was there. */
async function replace(layout: HomeLayout, role: string, key: SigningKey): Promise<Did | undefined> {
  const there = await isThere(layout.keyFile(role));
  const now = there ? await readKeyFile(layout.keyFile(role)) : undefined;
  if (now?.did === key.did) return now.did;
  if (role === CONTROLLER) {
    if (now === undefined)
      throw new TriplaneError("key_unknown", `${layout.keyFile(role)} is missing, and only it can hand the ledger over`, {
        hint: "docs/how-to/lose-a-key.md says what to do when the controller's key is gone.",
      });
    const former = layout.formerControllerKey;
    if ((await isThere(former)) && (await readKeyFile(former)).did !== now.did)
      throw new TriplaneError("usage", `${former} is there: the change before this one is not finished`, {
        hint: "`triplane ledger verify` shows whether that key has handed the ledger over. Then delete the file.",
      });
    await writeKeyFile(former, now);
  }
  await writeKeyFile(layout.keyFile(role), key);
  return now?.did;
}
