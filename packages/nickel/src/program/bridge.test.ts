import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { exportWithNickel } from "./bridge.ts";

const folder = mkdtempSync(join(tmpdir(), "triplane-bridge-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Node takes far more address space than nickel. */
const limits = { maxMemoryBytes: 2 ** 46 };

/** A stand-in for the nickel program: a real process that runs a script. */
function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!${process.execPath}\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test("exportWithNickel: gives the program arguments of its own and an empty environment", async () => {
  const echo = program("echo", "console.log(JSON.stringify({ argv: process.argv.slice(2), env: Object.keys(process.env) }))");
  process.env["NICKEL_IMPORT_PATH"] = "/tmp";
  const said = await exportWithNickel("$(x); -o.ncl", { program: echo, limits, importPaths: ["/lib"] });
  assert.deepEqual(said, {
    argv: ["export", "--color", "never", "--format", "json", "--import-path", "/lib", join(process.cwd(), "$(x); -o.ncl")],
    env: [],
  });
});

test("exportWithNickel: nickel_program_failed in the program's words, and where it is missing, too slow, too loud or no JSON", async () => {
  const failing = program("failing", "console.error('error: unbound identifier'); process.exit(1)");
  await assert.rejects(exportWithNickel("a.ncl", { program: failing, limits }), {
    code: "nickel_program_failed",
    message: "error: unbound identifier",
  });
  await assert.rejects(exportWithNickel("a.ncl", { program: join(folder, "absent") }), {
    code: "nickel_program_failed",
    message: /could not be run/,
  });
  const slow = program("slow", "setTimeout(() => {}, 60_000)");
  await assert.rejects(exportWithNickel("a.ncl", { program: slow, limits, timeoutMs: 300 }), {
    code: "nickel_program_failed",
    message: /within 300 ms/,
  });
  const loud = program("loud", "console.log('x'.repeat(10_000))");
  await assert.rejects(exportWithNickel("a.ncl", { program: loud, limits, maxOutputBytes: 1000 }), {
    code: "nickel_program_failed",
    message: /more than 1000 bytes/,
  });
  const vague = program("vague", "console.log('about seven')");
  await assert.rejects(exportWithNickel("a.ncl", { program: vague, limits }), {
    code: "nickel_program_failed",
    message: /did not write JSON/,
  });
});
