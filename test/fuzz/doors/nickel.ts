// Nickel files: the declarative reader, and the policy behind it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateSigningKey } from "@triplane/contract";
import { readNickel } from "@triplane/nickel";
import { loadPolicy } from "@triplane/policy";
import { TEST_COMMIT, TEST_RID } from "@triplane/testkit";
import { type Door, textOf } from "../door.ts";

const PROVISIONING = join(import.meta.dirname, "../../../provisioning");
const WORDS = [
  ...[
    "fun",
    "let",
    "rec",
    "in",
    "if",
    "then",
    "else",
    "match",
    "import",
    'import "people.ncl"',
    "forall",
    "'Tag",
    "'Tag {a = 1}",
    "&",
    "|",
    "| default",
    "| force",
  ],
  ...[
    "| optional",
    "| not_exported",
    '| doc "x"',
    "| priority 3",
    "| Array String",
    "| {_ : Number}",
    "| [| 'A, 'B |]",
    "| Dyn",
    ": Number",
  ],
  ...[
    'm%"',
    '"%',
    'm%%"\n',
    "%{x}",
    "# a comment\n",
    "1_000",
    "0xff",
    "1e3",
    "a.b.c = 1",
    '"a b" = 1',
    "..",
    "std.string.length",
    "@",
    "++",
    "|>",
    "=>",
  ],
];

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ncl"));
}

export function nickelFiles(): Door {
  return {
    seeds: filesBelow(PROVISIONING).map((name) => readFileSync(join(PROVISIONING, name))),
    words: WORDS,
    enter: (input) => readNickel(textOf(input), { file: "input.ncl", importer: () => undefined }),
  };
}

/** The entry file changes; the principals and pins that it imports are as `triplane init` writes them. */
export function policies(): Door {
  const folder = join(PROVISIONING, "workspaces/libre-wuji");
  const people = readFileSync(join(folder, "people.ncl"), "utf8");
  const keyed = (entry: string): string => `${entry}, keys = ["${generateSigningKey().did}"]`;
  const principals = people.replaceAll(/(?:principal|\{ name) = "[a-z]+"/g, keyed);
  const pin = `{ rid = "${TEST_RID}", root = "${TEST_COMMIT}" }`;
  const pins = `{ pins = { desired = ${pin}, state = ${pin}, controller = "${generateSigningKey().did}" } }`;
  const imported = [
    ["principals.ncl", principals],
    ["pins.ncl", pins],
  ] as const;
  return {
    seeds: [readFileSync(join(folder, "keeper_policy.ncl"))],
    words: WORDS,
    enter: (input) => loadPolicy(new Map([...imported, ["keeper_policy.ncl", textOf(input)]])),
  };
}
