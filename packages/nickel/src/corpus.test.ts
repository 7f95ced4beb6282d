import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isFailureCode, type Json, TriplaneError } from "@triplane/contract";
import { toolOrSkip } from "@triplane/testkit";
import { exportWithNickel } from "./program/bridge.ts";
import { readNickelFile } from "./read.ts";

const CORPUS = fileURLToPath(new URL("../corpus", import.meta.url));

interface Expected {
  readonly code: string;
  readonly construct?: string;
}

function names(folder: string): readonly string[] {
  return readdirSync(join(CORPUS, folder))
    .filter((name) => name.endsWith(".ncl"))
    .map((name) => name.slice(0, -".ncl".length));
}

function expectedOf(folder: string): Readonly<Record<string, Expected>> {
  return JSON.parse(readFileSync(join(CORPUS, folder, "expected.json"), "utf8"));
}

function read(folder: string, name: string) {
  return readNickelFile(CORPUS, `${folder}/${name}.ncl`);
}

test("corpus: has at least forty files that are read and forty that are not", () => {
  assert.ok(names("good").length >= 40);
  assert.ok(names("bad").length >= 40);
  for (const folder of ["bad", "refused"]) assert.deepEqual(Object.keys(expectedOf(folder)).sort(), [...names(folder)].sort());
});

for (const folder of ["bad", "refused"])
  test(`readNickelFile: refuses everything in corpus/${folder} with the code and construct expected, naming file, line and column`, () => {
    for (const [name, expected] of Object.entries(expectedOf(folder))) {
      assert.ok(isFailureCode(expected.code), expected.code);
      assert.throws(
        () => read(folder, name),
        (thrown: unknown) => {
          assert.ok(thrown instanceof TriplaneError, `${name}: ${thrown}`);
          assert.equal(thrown.code, expected.code, `${name}: ${thrown.message}`);
          assert.equal(
            thrown.details["construct"],
            thrown.code === "nickel_not_declarative" ? (expected.construct ?? thrown.details["construct"]) : undefined,
            name,
          );
          assert.match(thrown.message, new RegExp(`^(?:${folder}/${name}\\.ncl:\\d+:\\d+|README.txt.*): `), name);
          return true;
        },
      );
    }
  });

/** What the program says of a whole folder, in one run: the files as fields of one record. */
async function exportFolder(folder: string, program: string): Promise<Readonly<Record<string, Json>>> {
  const fields = names(folder).map((name) => `${JSON.stringify(name)} = import ${JSON.stringify(join(CORPUS, folder, `${name}.ncl`))}`);
  const temporary = mkdtempSync(join(tmpdir(), "triplane-corpus-"));
  try {
    writeFileSync(join(temporary, "all.ncl"), `{ ${fields.join(",\n")} }`);
    return Object(await exportWithNickel(join(temporary, "all.ncl"), { program }));
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

test("readNickelFile: agrees with the nickel program on every value in corpus/good", async (context) => {
  const ours = Object.fromEntries(names("good").map((name) => [name, read("good", name).json]));
  const program = await toolOrSkip(context, "nickel");
  if (program !== undefined) assert.deepEqual(ours, await exportFolder("good", program));
});

test("exportWithNickel: the nickel program, too, refuses everything in corpus/bad", async (context) => {
  const program = await toolOrSkip(context, "nickel");
  if (program === undefined) return;
  const queue = [...names("bad")];
  const work = async (): Promise<void> => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop())
      await assert.rejects(exportWithNickel(join(CORPUS, "bad", `${name}.ncl`), { program }), { code: "nickel_program_failed" }, name);
  };
  await Promise.all([work(), work()]);
});

test("exportWithNickel: everything in corpus/refused is valid Nickel, so it is the reader that is narrower", async (context) => {
  const program = await toolOrSkip(context, "nickel");
  if (program !== undefined) assert.deepEqual(Object.keys(await exportFolder("refused", program)).sort(), [...names("refused")].sort());
});

test("readNickelFile: reads enum tags with arguments, for which the program has no JSON (corpus/wider)", async (context) => {
  assert.deepEqual(read("wider", "variant-record").json, {
    a: { tag: "Step", value: { name: "x" } },
    b: [{ tag: "Wait", value: 5 }, "Done"],
  });
  const program = await toolOrSkip(context, "nickel");
  for (const name of names("wider")) {
    read("wider", name);
    if (program !== undefined)
      await assert.rejects(exportWithNickel(join(CORPUS, "wider", `${name}.ncl`), { program }), /non serializable term/, name);
  }
});
