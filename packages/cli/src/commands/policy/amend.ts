// triplane policy amend: who holds which key, changed in a folder with the policy's files.
import { join, resolve } from "node:path";
import { type Did, isDid, TriplaneError } from "@triplane/contract";
import { filesIn } from "@triplane/governance";
import { atomicWriteFile } from "@triplane/kit";
import { type Amendment, amendPolicy, loadPolicy } from "@triplane/policy";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { list, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";

const RIGHTS = { approve: "Approve", admit: "Admit" } as const;

export const policyAmend = defineCommand({
  description:
    "Edits the files that `triplane governance checkout policy DIR` wrote, and makes policy_version grow by one. Comments and everything else stay as they are. What it wrote is read again; if that is not exactly the policy that was meant, nothing is written. It changes a folder and nothing else: the policy changes when M of N approve what you propose.",
  args: z.strictObject({ dir: text("DIR", "Folder with the policy's files") }),
  options: z.strictObject({
    addKey: list("NAME=DID", "A key more for an operator, automation, agent or keeper"),
    onlyKey: list("NAME=DID", "This key and no other for an operator, automation, agent or keeper"),
    removeKey: list("DID", "Take out a key of somebody who has another"),
    addOperator: text("NAME=DID", "A new operator").optional(),
    groups: text("GROUPS", "Groups of the new operator, with commas between").optional(),
    scopes: text("SCOPES", "Scopes of the new operator, with commas between").optional(),
    may: text("RIGHTS", "What the new operator may: approve, admit, or both with a comma").optional(),
    remove: list("NAME", "Take out an operator, automation, agent or keeper"),
    controller: text("DID", "The ops-controller's key").optional(),
  }),
  examples: [
    { command: "triplane policy amend ./policy --add-key keeper=did:key:z6Mk…", what: "a keeper's new key beside the old one" },
    {
      command: "triplane policy amend ./policy --add-operator dora=did:key:z6Mk… --groups platform --scopes platform --may approve",
      what: "a new operator",
    },
    { command: "triplane policy amend ./policy --remove ben", what: "ben works somewhere else now" },
  ],
  run: async ({ args, options }, context) => {
    const folder = resolve(context.cwd, args.dir);
    const before = await filesIn(folder);
    const after = amendPolicy(before, amendmentsOf(options));
    const changed = [...after].filter(([path, content]) => content !== before.get(path));
    for (const [path, content] of changed) await atomicWriteFile(join(folder, path), content);
    return { folder, policyVersion: loadPolicy(after).policy.policy_version, changed: changed.map(([path]) => path) };
  },
  render: ({ folder, policyVersion, changed }) =>
    [
      facts([
        ["folder", folder],
        ["changed", changed.join(", ")],
        ["version", policyVersion],
      ]),
      `Propose it: triplane governance propose policy ${folder}`,
    ].join("\n"),
});

interface Wish {
  readonly addKey: readonly string[];
  readonly onlyKey: readonly string[];
  readonly removeKey: readonly string[];
  readonly addOperator?: string | undefined;
  readonly groups?: string | undefined;
  readonly scopes?: string | undefined;
  readonly may?: string | undefined;
  readonly remove: readonly string[];
  readonly controller?: string | undefined;
}

function amendmentsOf(wish: Wish): readonly Amendment[] {
  const operator = wish.addOperator === undefined ? undefined : named(wish.addOperator, "--add-operator");
  const amendments: readonly Amendment[] = [
    ...wish.addKey.map((given) => ({ do: "add-key" as const, ...named(given, "--add-key") })),
    ...wish.onlyKey.map((given) => ({ do: "only-key" as const, ...named(given, "--only-key") })),
    ...wish.removeKey.map((did) => ({ do: "remove-key" as const, did: asDid(did, "--remove-key") })),
    ...(operator === undefined
      ? []
      : [
          {
            do: "add-operator" as const,
            operator: {
              ...{ principal: operator.name, keys: [operator.did], groups: words(wish.groups), scopes: words(wish.scopes) },
              may: words(wish.may).map(rightOf),
            },
          },
        ]),
    ...wish.remove.map((name) => ({ do: "remove" as const, name })),
    ...(wish.controller === undefined ? [] : [{ do: "controller" as const, did: asDid(wish.controller, "--controller") }]),
  ];
  if (amendments.length === 0)
    throw new TriplaneError("usage", "say what to change: --add-key, --only-key, --remove-key, --add-operator, --remove or --controller");
  if (operator === undefined && [wish.groups, wish.scopes, wish.may].some((each) => each !== undefined))
    throw new TriplaneError("usage", "--groups, --scopes and --may belong to --add-operator");
  return amendments;
}

function named(given: string, option: string): { readonly name: string; readonly did: Did } {
  const [name = "", did = ""] = [given.slice(0, given.indexOf("=")), given.slice(given.indexOf("=") + 1)];
  if (!given.includes("=") || !/^[a-z0-9-]{1,32}$/.test(name)) throw new TriplaneError("usage", `${option} takes NAME=DID`);
  return { name, did: asDid(did, option) };
}

function asDid(given: string, option: string): Did {
  if (!isDid(given))
    throw new TriplaneError("usage", `${option}: ${JSON.stringify(given.slice(0, 80))} is not the did:key of an Ed25519 key`);
  return given as Did;
}

function words(given: string | undefined): readonly string[] {
  const found = (given ?? "").split(",").filter((word) => word !== "");
  const odd = found.find((word) => !/^[a-z0-9-]{1,32}$/.test(word));
  if (odd !== undefined) throw new TriplaneError("usage", `${JSON.stringify(odd.slice(0, 80))} is no name`);
  return found;
}

function rightOf(word: string): "Approve" | "Admit" {
  const right = word === "approve" || word === "admit" ? RIGHTS[word] : undefined;
  if (right === undefined) throw new TriplaneError("usage", `--may takes approve and admit, not ${JSON.stringify(word)}`);
  return right;
}
