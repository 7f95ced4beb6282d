import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EnumTag, type NickelValue, readNickel } from "@triplane/nickel";
import { Dice, mutate } from "../fuzz/mutate.ts";
import { readNickelIndependently, VERIFIER } from "./verdict.ts";

const CORPUS = join(import.meta.dirname, "../../packages/nickel/corpus");
/** Generated from the policy's schema, and tested against it. */
const SCHEMA = join(import.meta.dirname, "../../provisioning/schemas/lib/keeper_policy.ncl");
const SEED = Number(process.env["TRIPLANE_RECEIPT_SEED"] ?? 20_260_105);
const ROUNDS = Number(process.env["TRIPLANE_RECEIPT_ROUNDS"] ?? 400);

/** All files of the corpus by path; those that are not UTF-8 are left out, as a receipt cannot hold them. */
function corpusFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const path of readdirSync(CORPUS, { recursive: true, encoding: "utf8" })) {
    if (!/\.(?:ncl|json)$/.test(path)) continue;
    const bytes = readFileSync(join(CORPUS, path));
    if (Buffer.from(bytes.toString("utf8"), "utf8").equals(bytes)) files.set(path, bytes.toString("utf8"));
  }
  return files;
}

const REFUSED = Symbol("refused");

function product(entry: string, files: ReadonlyMap<string, string>): unknown {
  try {
    return plain(readNickel(files.get(entry) ?? "", { file: entry, importer: (path) => files.get(path) }).value);
  } catch {
    return REFUSED;
  }
}

/** Enum tags as lists that begin with a word of ours, so that a tag and a text are not alike. */
function plain(value: NickelValue): unknown {
  if (value instanceof EnumTag) return ["enum tag", value.tag, value.argument === undefined ? undefined : plain(value.argument)];
  if (Array.isArray(value)) return value.map((item: NickelValue) => plain(item));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

function independent(entry: string, files: ReadonlyMap<string, string>): unknown {
  try {
    return plainOther(readNickelIndependently(entry, new Map(files)));
  } catch (thrown) {
    assert.equal((thrown as Error).constructor.name === "RangeError", false, `${entry}: ${thrown}`);
    return REFUSED;
  }
}

function plainOther(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOther);
  if (value === null || typeof value !== "object") return value;
  if (value.constructor?.name === "Tag") {
    const { tag, argument } = value as { tag: string; argument: unknown };
    return ["enum tag", tag, argument === undefined ? undefined : plainOther(argument)];
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainOther(member)]));
}

/** One word put where white space is, so that most of the file keeps its meaning. */
function gently(text: string, word: string, dice: Dice): string {
  const places = [...text.matchAll(/\s/g)].map((match) => match.index);
  const at = dice.pick(places, 0);
  return dice.below(3) === 0 ? text : `${text.slice(0, at)} ${word} ${text.slice(at)}`;
}

describe("tools/verify-receipt knows the policy's schema", () => {
  it("every field that a policy may have is one that it reads", () => {
    const source = readFileSync(VERIFIER, "utf8");
    const schema = readFileSync(SCHEMA, "utf8");
    const fields = new Set([...schema.matchAll(/^\s*([a-z_]+)\s*\|/gm)].map((match) => match[1] ?? ""));
    assert.ok(fields.size > 30, `${fields.size} fields`);
    assert.deepEqual(
      [...fields].filter((name) => !new RegExp(`\\b${name}\\b`).test(source)),
      [],
    );
  });
});

describe("tools/verify-receipt reads the policy's language as the product does", () => {
  const files = corpusFiles();

  it("every file of packages/nickel/corpus: the same value, or refused by both", () => {
    const entries = [...files.keys()].filter((path) => path.endsWith(".ncl"));
    assert.ok(entries.length > 100, `${entries.length} files`);
    for (const entry of entries)
      assert.deepEqual(independent(entry, files), product(entry, files), `${entry}:\n${files.get(entry)?.slice(0, 400)}`);
  });

  it(`${ROUNDS * 5} files of it changed at random`, () => {
    const entries = [...files.keys()].filter((path) => path.endsWith(".ncl") && (files.get(path)?.length ?? 0) < 4000);
    const inputs = entries.map((path) => Buffer.from(files.get(path) ?? "", "utf8"));
    const words = [
      "| default",
      "| force",
      "| optional",
      "| priority 1",
      ": Number",
      "| Array String",
      "'Tag",
      "import",
      'm%"',
      "..",
      "& { a = 1 }",
    ];
    let read = 0;
    for (let round = 0; round < ROUNDS * 5; round += 1) {
      const dice = new Dice(SEED * 11 + round);
      const at = dice.below(entries.length);
      const entry = entries[at] ?? "";
      const other = files.get(dice.pick(entries, entry)) ?? "";
      const text =
        dice.below(3) > 0
          ? Buffer.from(mutate([inputs[at] ?? Buffer.alloc(0)], dice, words)).toString("utf8")
          : gently(dice.below(2) === 0 ? `(${files.get(entry)}) & (${other})` : (files.get(entry) ?? ""), dice.pick(words, ""), dice);
      const changed = new Map([...files, [entry, text]]);
      const expected = product(entry, changed);
      if (expected !== REFUSED) read += 1;
      assert.deepEqual(independent(entry, changed), expected, `seed ${SEED}, round ${round}, ${entry}:\n${text.slice(0, 1000)}`);
    }
    assert.ok(read > ROUNDS / 4, `only ${read} were read`);
  });
});
