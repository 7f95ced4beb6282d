import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { searchTool, toolNamed } from "@triplane/kit";
import { drawProblems, problemsOf } from "@triplane/nickel";
import { findProvisioningRoot, MODES_FOLDER, openModes, readMode } from "./catalogue.ts";

const OWN_ROOT = resolve(import.meta.dirname, "../../../../provisioning");
const root = mkdtempSync(join(tmpdir(), "triplane-modes-"));
mkdirSync(join(root, MODES_FOLDER), { recursive: true });
after(() => rmSync(root, { recursive: true, force: true }));

function put(id: string, text: string): string {
  writeFileSync(join(root, MODES_FOLDER, `${id}.ncl`), text);
  return `${MODES_FOLDER}/${id}.ncl`;
}

/** A mode of these steps, one a line from line 4 on. */
function mode(id: string, steps: readonly string[]): string {
  return put(id, `{ id = "${id}",\ntrigger = "x",\nsteps = [\n${steps.map((step) => `${step},\n`).join("")}] }\n`);
}

const step = (id: string, more = "") => `{ id = "${id}", action = "a", actor = 'Any${more === "" ? "" : `, ${more}`} }`;

async function failureOf(work: Promise<unknown>): Promise<TriplaneError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TriplaneError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

/** `line:column message` of every problem. */
async function problemsIn(file: string): Promise<readonly string[]> {
  const failure = await failureOf(readMode(file, { root }));
  assert.equal(failure.code, "mode_invalid");
  const problems = failure.details["problems"] as readonly Record<string, string>[];
  assert.equal(problemsOf(failure).length, problems.length, "each can be drawn");
  for (const { file: named, line, column } of problems) {
    assert.equal(named, join(root, file));
    assert.ok(failure.message.includes(`${named}:${line}:${column}: `), failure.message);
  }
  return problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

describe("readMode: the reference mode", () => {
  const read = (nickel?: string) => readMode(`${MODES_FOLDER}/ops-radicle-build-info.ncl`, { root: OWN_ROOT, nickel });

  it("loads unchanged through the declarative reader alone", async () => {
    const reference = await read();
    assert.equal(reference.steps.length, 10);
    assert.deepEqual(reference.steps.at(-1)?.depends_on, [
      { step: "ops_command_flow", kind: "Always" },
      { step: "radicle_repo_structure", kind: "Always" },
      { step: "build_pipeline", kind: "Always" },
    ]);
    assert.equal(reference.strategy, "Override");
    assert.equal(reference.preconditions.length, 6);
    assert.equal(reference.postconditions.length, 5);
  });

  it("is the same where the nickel program may be asked", async () => {
    assert.deepEqual(await read("/nonexistent"), await read());
  });
});

describe("readMode: what is wrong is named with file, line and column", () => {
  it("a cycle, whole, at the edge that closes it", async () => {
    const file = mode("circle", [
      step("a", 'depends_on = [{ step = "c", kind = \'Always }]'),
      step("b", 'depends_on = [{ step = "a", kind = \'OnSuccess }]'),
      step("c", 'depends_on = [{ step = "b", kind = \'OnFailure }]'),
      step("d"),
    ]);
    assert.deepEqual(await problemsIn(file), ["5:64 steps.1.depends_on.0.step: a cycle, each waits for the next: a → c → b → a"]);
  });

  it("a step that waits for itself, and a fallback that waits for what it stands in for", async () => {
    assert.deepEqual(await problemsIn(mode("self", [step("a", 'depends_on = [{ step = "a", kind = \'Always }]')])), [
      "4:64 steps.0.depends_on.0.step: a cycle, each waits for the next: a → a",
    ]);
    const file = mode("rescued", [
      step("a", 'depends_on = [{ step = "b", kind = \'Always }], on_error = { strategy = \'Fallback, step = "b" }'),
      step("b"),
    ]);
    const [problem, ...others] = await problemsIn(file);
    assert.deepEqual(others, []);
    assert.match(problem ?? "", /^4:\d+ steps\.0\..*a cycle, each waits for the next: a → b → a$/);
  });

  it("an unknown step, with the nearest one", async () => {
    const file = mode("unknown", [
      step("build"),
      step("b", 'depends_on = [{ step = "biuld", kind = \'Always }], on_error = { strategy = \'Fallback, step = "nowhere" }'),
    ]);
    assert.deepEqual(await problemsIn(file), [
      '5:64 steps.1.depends_on.0.step: there is no step "biuld"',
      '5:134 steps.1.on_error.step: there is no step "nowhere"',
    ]);
  });

  it("each problem is drawn into its line", async () => {
    const file = mode("drawn", [
      step("build"),
      step("build", 'depends_on = [{ step = "biuld", kind = \'Always }]'),
      step("c", "actors = 'Any"),
    ]);
    const drawn = drawProblems(problemsOf(await failureOf(readMode(file, { root })))).replaceAll(`${root}/`, "");
    assert.equal(
      drawn,
      [
        "error: steps.2.actors: is not a field that belongs here",
        " --> reflection/modes/drawn.ncl:6:41",
        "  |",
        `6 | { id = "c", action = "a", actor = 'Any, actors = 'Any },`,
        "  |                                         ^^^^^^",
        "  = did you mean actor?",
      ].join("\n"),
    );
    mode("drawn", [step("build"), step("build", 'depends_on = [{ step = "biuld", kind = \'Always }]')]);
    assert.equal(
      drawProblems(problemsOf(await failureOf(readMode(file, { root })))).replaceAll(`${root}/`, ""),
      [
        'error: steps.1.id: "build" is the id of step 1 already',
        " --> reflection/modes/drawn.ncl:5:8",
        "  |",
        `5 | { id = "build", action = "a", actor = 'Any, depends_on = [{ step = "biuld", kind = 'Always }] },`,
        "  |        ^^^^^^^",
        "",
        'error: steps.1.depends_on.0.step: there is no step "biuld"',
        " --> reflection/modes/drawn.ncl:5:68",
        "  |",
        `5 | { id = "build", action = "a", actor = 'Any, depends_on = [{ step = "biuld", kind = 'Always }] },`,
        "  |                                                                    ^^^^^^^",
        "  = did you mean build?",
      ].join("\n"),
    );
  });

  it("an id that is used twice", async () => {
    assert.deepEqual(await problemsIn(mode("twice", [step("a"), step("b"), step("a")])), [
      '6:8 steps.2.id: "a" is the id of step 1 already',
    ]);
  });

  it("wrong types, missing and unknown fields, tags for strings and strings for tags: all at once", async () => {
    const file = mode("types", [
      `{ id = 7, action = "a", actor = 'Any }`,
      `{ id = "b", action = 'a, actor = "Any", timeout = 3 }`,
      `{ id = "c", actor = 'Robot, on_error = { strategy = 'Retry, max = "x" } }`,
      `{ id = "d", action = "a", actor = 'Any, on_error = { strategy = 'Perhaps } }`,
    ]);
    const problems = (await problemsIn(file)).join("\n");
    for (const expected of [
      /^4:8 steps\.0\.id: .*expected string/m,
      /^5:22 steps\.1\.action: 'a is an enum tag/m,
      /^5:34 steps\.1\.actor: must be an enum tag: 'Any/m,
      /^5:41 steps\.1\.timeout: is not a field that belongs here/m,
      /^6:1 steps\.2\.action: is missing/m,
      /^6:21 steps\.2\.actor: must be 'Agent or 'Human or 'Ci or 'Any/m,
      /^6:67 steps\.2\.on_error\.max: .*expected number/m,
      /^7:65 steps\.3\.on_error\.strategy: /m,
    ])
      assert.match(problems, expected);
  });

  it("a step that can never be reached", async () => {
    const file = mode("never", [
      step("a"),
      step("ok", 'depends_on = [{ step = "a", kind = \'OnSuccess }]'),
      step("bad", 'depends_on = [{ step = "a", kind = \'OnFailure }]'),
      step("both", 'depends_on = [{ step = "ok", kind = \'OnSuccess }, { step = "bad", kind = \'Always }]'),
      step("none", 'depends_on = [{ step = "ok", kind = \'OnSuccess }, { step = "bad", kind = \'OnSuccess }]'),
    ]);
    assert.deepEqual(await problemsIn(file), ['8:8 steps.4.id: can never be reached: "a" would have to pass and to fail']);
  });

  it("an id that is not the file's name", async () => {
    const file = put("named", `{ id = "other", trigger = "x", steps = [${step("a")}] }`);
    assert.deepEqual(await problemsIn(file), ['1:8 id: must be "named", as the file is named']);
  });

  it("a function, also where the nickel program may be asked", async (context) => {
    const file = put("function", `{\n  id = "function",\n  trigger = fun x => x,\n  steps = [${step("a")}],\n}\n`);
    const { found } = await searchTool(toolNamed("nickel"));
    if (found === undefined) context.diagnostic("nickel is missing: only the reader was asked");
    for (const nickel of found === undefined ? [undefined] : [undefined, found.path]) {
      const failure = await failureOf(readMode(file, { root, nickel }));
      assert.equal(failure.code, "nickel_not_declarative");
      assert.ok(failure.message.startsWith(`${join(root, file)}:3:13: function`), failure.message);
      assert.deepEqual([failure.details["line"], failure.details["column"]], [3, 13]);
    }
  });
});

describe("openModes", () => {
  it("loads by id and lists all, the broken ones with their failure", async () => {
    const modes = openModes({ root: OWN_ROOT });
    assert.equal((await modes.load("ops-radicle-build-info")).id, "ops-radicle-build-info");
    assert.ok((await modes.list()).some(({ id }) => id === "ops-radicle-build-info"));
    mode("twice", [step("a"), step("a")]);
    const entry = (await openModes({ root }).list()).find(({ id }) => id === "twice");
    assert.equal(entry?.failure?.code, "mode_invalid");
  });

  it("says mode_unknown for what is not there, and for names that are paths", async () => {
    for (const id of ["nothing", "../modes/twice", "Twice", ""])
      assert.equal((await failureOf(openModes({ root }).load(id))).code, "mode_unknown");
  });
});

describe("findProvisioningRoot", () => {
  it("is the folder itself, its subfolder provisioning, or one further up", async () => {
    for (const from of [OWN_ROOT, resolve(OWN_ROOT, ".."), join(OWN_ROOT, "reflection/modes"), import.meta.dirname])
      assert.equal(await findProvisioningRoot(from), OWN_ROOT);
  });

  it("says provisioning_missing where there is none", async () => {
    assert.equal((await failureOf(findProvisioningRoot("/"))).code, "provisioning_missing");
  });
});
