// Small changes of a policy's files that keep everything else as it was written: comments, order, line breaks.
//
// 1. A change is an edit of the text at the place that the reader names. It is believed only when the edited text reads as exactly
//    the policy that was meant; a file that is written in a way this does not know is refused, never guessed at.
// 2. `policy_version` grows by one.
import { canonicalJson, type Did, TriplaneError } from "@triplane/contract";
import { type NickelDocument, readNickel, type SourcePosition, type ValuePath } from "@triplane/nickel";
import { filesImporter, loadPolicy, POLICY_ENTRY } from "./load.ts";
import type { Operator, Policy } from "./schema.ts";
import { endOfValue, offsetOf, withoutItem } from "./text-edit.ts";
import type { PolicyFiles } from "./types.ts";

const HOLDERS = ["operators", "automations", "agents", "keepers"] as const;
type Holders = (typeof HOLDERS)[number];

export type Amendment =
  /** One key more for somebody whom the policy lists. */
  | { readonly do: "add-key"; readonly name: string; readonly did: Did }
  | { readonly do: "remove-key"; readonly did: Did }
  /** This key, and no other, for somebody whom the policy lists. */
  | { readonly do: "only-key"; readonly name: string; readonly did: Did }
  | { readonly do: "add-operator"; readonly operator: Pick<Operator, "principal" | "keys" | "groups" | "scopes" | "may"> }
  /** An operator, automation, agent or keeper, by name. */
  | { readonly do: "remove"; readonly name: string }
  | { readonly do: "controller"; readonly did: Did };

/** The files of the policy after all amendments. Throws `amendment_impossible`, and what `loadPolicy` throws before and after. */
export function amendPolicy(files: PolicyFiles, amendments: readonly Amendment[]): PolicyFiles {
  let policy = loadPolicy(files).policy;
  const texts = new Map([...files].map(([path, content]) => [path, asText(content)] as const));
  for (const amendment of amendments) {
    policy = after(policy, amendment);
    texts.set(...edit(texts, amendment));
  }
  policy = { ...policy, policy_version: policy.policy_version + 1 };
  texts.set(...replaceAt(texts, ["policy_version"], String(policy.policy_version)));
  if (canonicalJson(loadPolicy(texts).policy) !== canonicalJson(policy))
    throw impossible(
      "the edited files do not read as the policy that was meant",
      "Change the files by hand: `triplane governance checkout policy`.",
    );
  return texts;
}

/** What is meant, as a value. */
function after(policy: Policy, amendment: Amendment): Policy {
  switch (amendment.do) {
    case "add-key": {
      const list = holdersOf(policy, amendment.name);
      return {
        ...policy,
        [list]: policy[list].map((entry) =>
          nameOf(entry) === amendment.name ? { ...entry, keys: [...entry.keys, amendment.did] } : entry,
        ),
      };
    }
    case "only-key": {
      const list = holdersOf(policy, amendment.name);
      const keys = [amendment.did];
      return { ...policy, [list]: policy[list].map((entry) => (nameOf(entry) === amendment.name ? { ...entry, keys } : entry)) };
    }
    case "remove-key": {
      const { list, name } = holderOfKey(policy, amendment.did);
      const keys = (entry: { readonly keys: readonly string[] }) => entry.keys.filter((key) => key !== amendment.did);
      return { ...policy, [list]: policy[list].map((entry) => (nameOf(entry) === name ? { ...entry, keys: keys(entry) } : entry)) };
    }
    case "add-operator":
      return { ...policy, operators: [amendment.operator, ...policy.operators] };
    case "remove": {
      const list = holdersOf(policy, amendment.name);
      return { ...policy, [list]: policy[list].filter((entry) => nameOf(entry) !== amendment.name) };
    }
    case "controller":
      return { ...policy, pins: { ...policy.pins, controller: amendment.did } };
  }
}

/** A file of the policy, and its text. */
type Edited = [path: string, text: string];

/** The same in the text. */
function edit(texts: PolicyFiles, amendment: Amendment): Edited {
  const document = read(texts);
  const policy = document.json as unknown as Policy;
  switch (amendment.do) {
    case "add-key": {
      const list = holdersOf(policy, amendment.name);
      const index = policy[list].findIndex((entry) => nameOf(entry) === amendment.name);
      return insertLast(texts, [list, index, "keys"], JSON.stringify(amendment.did));
    }
    case "only-key": {
      const list = holdersOf(policy, amendment.name);
      const index = policy[list].findIndex((entry) => nameOf(entry) === amendment.name);
      return replaceAt(texts, [list, index, "keys"], `[${JSON.stringify(amendment.did)}]`);
    }
    case "remove-key": {
      const { list, index } = holderOfKey(policy, amendment.did);
      const keys = policy[list][index]?.keys ?? [];
      return removeAt(texts, [list, index, "keys", keys.indexOf(amendment.did)]);
    }
    case "add-operator":
      return insertFirst(texts, ["operators"], `\n    ${renderOperator(amendment.operator)},`);
    case "remove": {
      const list = holdersOf(policy, amendment.name);
      return removeAt(texts, [list, policy[list].findIndex((entry) => nameOf(entry) === amendment.name)]);
    }
    case "controller":
      return replaceAt(texts, ["pins", "controller"], JSON.stringify(amendment.did));
  }
}

function read(texts: PolicyFiles): NickelDocument {
  const importer = filesImporter(texts);
  return readNickel(importer(POLICY_ENTRY) ?? "", { file: POLICY_ENTRY, importer });
}

interface Spot {
  readonly position: SourcePosition;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

function spotOf(texts: PolicyFiles, path: ValuePath): Spot {
  const position = read(texts).positionOf(path);
  const text = asText(texts.get(position.file) ?? "");
  const from = offsetOf(text, position);
  return { position, text, from, to: endOfValue(text, from) };
}

function replaceAt(texts: PolicyFiles, path: ValuePath, value: string): Edited {
  const { position, text, from, to } = spotOf(texts, path);
  return [position.file, text.slice(0, from) + value + text.slice(to)];
}

function insertFirst(texts: PolicyFiles, path: ValuePath, value: string): Edited {
  const { position, text, from } = spotOf(texts, path);
  return [position.file, text.slice(0, from + 1) + value + text.slice(from + 1)];
}

function insertLast(texts: PolicyFiles, path: ValuePath, value: string): Edited {
  const { position, text, from, to } = spotOf(texts, path);
  const inside = text.slice(from + 1, to - 1);
  const kept = inside.trimEnd();
  const separator = kept === "" ? "" : kept.endsWith(",") ? " " : ", ";
  return [position.file, `${text.slice(0, from + 1)}${kept}${separator}${value}${inside.slice(kept.length)}${text.slice(to - 1)}`];
}

function removeAt(texts: PolicyFiles, path: ValuePath): Edited {
  const { position, text, from, to } = spotOf(texts, path);
  return [position.file, withoutItem(text, from, to)];
}

function holdersOf(policy: Policy, name: string): Holders {
  const list = HOLDERS.find((each) => policy[each]?.some((entry) => nameOf(entry) === name));
  if (list === undefined) throw impossible(`the policy lists nobody called ${name}`);
  return list;
}

function holderOfKey(policy: Policy, did: Did): { readonly list: Holders; readonly index: number; readonly name: string } {
  for (const list of HOLDERS) {
    const index = policy[list]?.findIndex(({ keys }) => keys.includes(did)) ?? -1;
    const entry = policy[list]?.[index];
    if (entry === undefined) continue;
    if (entry.keys.length === 1)
      throw impossible(`${did} is the only key of ${nameOf(entry)}`, "Add another first, or remove them as a whole.");
    return { list, index, name: nameOf(entry) };
  }
  throw impossible(`the policy does not list ${did}`);
}

function nameOf(entry: { readonly principal: string } | { readonly name: string }): string {
  return "principal" in entry ? entry.principal : entry.name;
}

// Every text here has passed a pattern that leaves nothing to escape; the result is read again in any case.
function renderOperator({
  principal,
  keys,
  groups,
  scopes,
  may,
}: Pick<Operator, "principal" | "keys" | "groups" | "scopes" | "may">): string {
  const list = (items: readonly string[]): string => `[${items.map((item) => JSON.stringify(item)).join(", ")}]`;
  const tags = `[${may.map((right) => `'${right}`).join(", ")}]`;
  return `{ principal = ${JSON.stringify(principal)}, keys = ${list(keys)}, groups = ${list(groups)}, scopes = ${list(scopes)}, may = ${tags} }`;
}

function asText(content: string | Uint8Array): string {
  return typeof content === "string" ? content : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
}

function impossible(message: string, hint?: string): TriplaneError {
  return new TriplaneError("amendment_impossible", message, hint === undefined ? {} : { hint });
}
