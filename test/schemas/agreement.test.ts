// The nickel program with a contract, and our reader with the schema that the contract is made from, accept and refuse the same files.
//
// Where they cannot agree, the reason is in EXCEPTIONS, with a file for each, and in what each schema lists as `beyond` a shape.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { type NickelDocument, type NickelValue, readNickel, readNickelFile, tagProblems, writeNickel } from "@triplane/nickel";
import { toolOrSkip } from "@triplane/testkit";
import fc from "fast-check";
import { SCHEMA_FILES, SCHEMA_FOLDER, type SchemaFile, shapesOf } from "../../tools/schemas/schema-files.ts";
import { corpusOf, mutationOf, ROOT, SHIPPED } from "./support/documents.ts";
import { accepted } from "./support/nickel-session.ts";

const MUTATIONS = 12;
const SEED = Number(process.env["SCHEMA_SEED"] ?? 20_261_123);

/** `beyond`: what is wrong is in code, not in the shape; the contract does not know it. */
type Verdict = "accept" | "refuse" | "beyond";

const SHAPES = new Map(SCHEMA_FILES.map((schema) => [schema.file, shapesOf(schema)]));

function firstOf(schema: SchemaFile) {
  const [name = ""] = Object.keys(schema.schemas);
  const zod = schema.schemas[name];
  const shape = SHAPES.get(schema.file)?.[name];
  assert.ok(zod !== undefined && shape !== undefined);
  return { name, zod, shape };
}

function judge(schema: SchemaFile, read: () => NickelDocument): Verdict {
  const { zod, shape } = firstOf(schema);
  let document: NickelDocument;
  try {
    document = read();
  } catch (thrown) {
    if (thrown instanceof TriplaneError && thrown.code.startsWith("nickel_")) return "refuse";
    throw thrown;
  }
  const result = zod.safeParse(document.json);
  if (tagProblems(document.value, shape, schema.words).length > 0) return "refuse";
  if (result.success) return "accept";
  return result.error.issues.every(({ code }) => code === "custom") ? "beyond" : "refuse";
}

interface Asked {
  readonly schema: SchemaFile;
  readonly what: string;
  readonly ours: Verdict;
  readonly expression: string;
}

function underContract(schema: SchemaFile, value: string): string {
  return `(${value}) | ${schema.file.replace(".ncl", "")}.${firstOf(schema).name}`;
}

function fileOf(schema: SchemaFile, path: string): Asked {
  const ours = judge(schema, () => readNickelFile(ROOT, path));
  return { schema, what: path, ours, expression: underContract(schema, `import ${JSON.stringify(join(ROOT, path))}`) };
}

function askedOf(schema: SchemaFile, what: string, value: NickelValue): Asked {
  const text = writeNickel(value);
  return {
    schema,
    what: `${what}: ${text}`,
    ours: judge(schema, () => readNickel(text, { file: "a.ncl" })),
    expression: underContract(schema, text),
  };
}

const definitions = SCHEMA_FILES.map(
  ({ file }) => `let ${file.replace(".ncl", "")} = import ${JSON.stringify(join(ROOT, SCHEMA_FOLDER, file))}`,
);

async function assertAgreement(program: string, asked: readonly Asked[]): Promise<void> {
  const theirs = await accepted(
    program,
    definitions,
    asked.map(({ expression }) => expression),
  );
  const differing = asked.filter(({ ours }, index) => ours !== "beyond" && (ours === "accept") !== theirs[index]);
  assert.deepEqual(
    differing.map(({ what, ours, schema }) => `${schema.file}: we ${ours}: ${what.slice(0, 1500)}`),
    [],
  );
}

test("corpus: our schema accepts every good file and refuses every bad one", () => {
  for (const schema of SCHEMA_FILES) {
    assert.ok(corpusOf(schema.file, "good").length >= 1 && corpusOf(schema.file, "bad").length >= 5, schema.file);
    for (const kind of ["good", "bad"] as const)
      for (const { path } of corpusOf(schema.file, kind)) assert.equal(fileOf(schema, path).ours === "accept", kind === "good", path);
  }
});

test("what ships: our schema accepts it", () => {
  for (const schema of SCHEMA_FILES) for (const { path } of shippedFor(schema)) assert.equal(fileOf(schema, path).ours, "accept", path);
});

/** Files that are data; those that compute are for the program alone. */
function shippedFor(schema: SchemaFile) {
  return SHIPPED[schema.file] ?? [];
}

test("contracts: the nickel program says the same of the corpus and of what ships", async (context) => {
  const program = await toolOrSkip(context, "nickel");
  if (program === undefined) return;
  const asked = SCHEMA_FILES.flatMap((schema) =>
    [...corpusOf(schema.file, "good"), ...corpusOf(schema.file, "bad"), ...shippedFor(schema)].map(({ path }): Asked => {
      const asked = fileOf(schema, path);
      // What is in the corpus, the contract knows, too.
      return { ...asked, ours: asked.ours === "accept" ? "accept" : "refuse" };
    }),
  );
  assert.ok(asked.length > 120);
  await assertAgreement(program, asked);
});

test(`contracts: the nickel program says the same of good files with something changed (SCHEMA_SEED=${SEED})`, async (context) => {
  const program = await toolOrSkip(context, "nickel");
  if (program === undefined) return;
  const asked = SCHEMA_FILES.flatMap((schema) =>
    corpusOf(schema.file, "good").flatMap(({ path }, index) => {
      const { value } = readNickelFile(ROOT, path);
      const drawn = fc.sample(mutationOf(value), { numRuns: MUTATIONS, seed: SEED + index });
      return [value, ...drawn].map((changed) => askedOf(schema, path, changed));
    }),
  );
  const count = (verdict: Verdict) => asked.filter(({ ours }) => ours === verdict).length;
  assert.ok(count("accept") > 20 && count("refuse") > 100, `${count("accept")} accepted, ${count("refuse")} refused`);
  await assertAgreement(program, asked);
});

interface Exception {
  readonly schema: string;
  readonly why: string;
  readonly value: (good: Readonly<Record<string, NickelValue>>) => NickelValue;
  readonly ours: Verdict;
  readonly theirs: "accept" | "refuse";
}

/** The texts of a mode's good file, changed; every one is shown to be an exception, so that none outlives its reason. */
const EXCEPTIONS: readonly Exception[] = [
  {
    schema: "mode.ncl",
    why: "Nickel counts what a reader sees as one character (grapheme clusters), we count UTF-16 units: near an upper limit it lets more through.",
    value: (good) => ({ ...good, trigger: "e\u0301".repeat(10_000) }),
    ours: "refuse",
    theirs: "accept",
  },
  {
    schema: "radicle.ncl",
    why: "A did:key is decoded, and its last digits have to fit; the contract knows its form only.",
    value: (good) => ({ ...good, state: { ...Object(good["state"]), delegates: [`did:key:z6Mk${"z".repeat(44)}`] } }),
    ours: "beyond",
    theirs: "accept",
  },
  {
    schema: "component.ncl",
    why: "That a command's placeholders, ports and settings fit together is code.",
    value: (good) => ({ ...good, command: ["{node}", "{nothing}"] }),
    ours: "beyond",
    theirs: "accept",
  },
];

test("EXCEPTIONS: the two differ there and only as it is written", async (context) => {
  const program = await toolOrSkip(context, "nickel");
  const cases = EXCEPTIONS.map((exception) => {
    const schema = SCHEMA_FILES.find(({ file }) => file === exception.schema);
    const [sample] = corpusOf(exception.schema, "good");
    assert.ok(schema !== undefined && sample !== undefined);
    const good = readNickelFile(ROOT, sample.path).value as Readonly<Record<string, NickelValue>>;
    const asked = askedOf(schema, exception.why, exception.value(good));
    assert.equal(asked.ours, exception.ours, exception.why);
    return asked;
  });
  if (program === undefined) return;
  const theirs = await accepted(
    program,
    definitions,
    cases.map(({ expression }) => expression),
  );
  assert.deepEqual(
    theirs.map((isAccepted) => (isAccepted ? "accept" : "refuse")),
    EXCEPTIONS.map(({ theirs: expected }) => expected),
  );
});

test("streams_of, consumers_of: what JetStream is given, for any workspace", async (context) => {
  const { consumerSettings, streamSettings } = await import("@triplane/contract");
  const program = await toolOrSkip(context, "nickel");
  if (program === undefined) return;
  const expected = { streams: streamSettings("libre-wuji"), consumers: consumerSettings("libre-wuji") };
  const given = '{ streams = ops_contract.streams_of "libre-wuji", consumers = ops_contract.consumers_of "libre-wuji" }';
  const same = `if ${given} == ${writeNickel(JSON.parse(JSON.stringify(expected)))} then 1 else std.fail_with "they differ"`;
  assert.deepEqual(await accepted(program, definitions, [same]), [true]);
});
