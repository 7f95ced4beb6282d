// The real sccache against /sccache: what one machine compiled is a hit on the next one, within the rights of its token and no further.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { nowSeconds, TriplaneError } from "@triplane/contract";
import { findTool, freePort, systemClock } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { BACKENDS, whyMissing } from "../testing/backends.ts";
import { hasCargo, writeCrate } from "../testing/cargo.ts";
import { type RegistryPlace, startRegistry } from "../testing/registry-place.ts";
import type { Action } from "../tokens/access.ts";
import { issueRegistryAccess } from "../tokens/issue.ts";
import { signRegistryToken } from "../tokens/registry-token.ts";

const run = promisify(execFile);
const REPO = "acme/api";
const LEASE = `lease-${"c".repeat(32)}`;

interface Machine extends AsyncDisposable {
  /** Runs a compiler, or cargo, through sccache. */
  compile(cwd: string, program: string, args: readonly string[]): Promise<string>;
  /** Hits, misses, writes and writes that failed, as sccache counts them. */
  stats(): Promise<{
    readonly hits: number;
    readonly misses: number;
    readonly writes: number;
    readonly writeErrors: number;
    readonly where: string;
  }>;
}

/** A machine that knows nothing but where the cache is. */
async function machine(place: RegistryPlace, name: string, token: string, repo = REPO): Promise<Machine> {
  const { path: sccache } = await findTool("sccache");
  const home = join(place.folder, name);
  await mkdir(home);
  await writeFile(join(home, "empty.toml"), "");
  const env = {
    ...process.env,
    ...{
      HOME: home,
      SCCACHE_CONF: join(home, "empty.toml"),
      SCCACHE_DIR: join(home, "local"),
      SCCACHE_SERVER_PORT: String(await freePort()),
    },
    ...{ SCCACHE_WEBDAV_ENDPOINT: `${place.origin}/sccache/${repo}`, SCCACHE_WEBDAV_TOKEN: token, SCCACHE_IDLE_TIMEOUT: "60" },
    ...{ RUSTC_WRAPPER: sccache, CARGO_INCREMENTAL: "0", CARGO_BUILD_JOBS: "1" },
    // Every CARGO_ variable is part of what sccache hashes: two machines have the same ones.
    CARGO_HOME: join(place.folder, "cargo-home"),
    RUSTUP_HOME: process.env["RUSTUP_HOME"] ?? join(process.env["HOME"] ?? "/root", ".rustup"),
  };
  const settings = { env, timeout: 120_000 };
  return {
    compile: async (cwd, program, args) => {
      const [command, ...rest] = program === "cargo" ? ["cargo", ...args] : [sccache, program, ...args];
      const { stdout, stderr } = await run(command ?? "", rest, { ...settings, cwd });
      return stdout + stderr;
    },
    stats: async () => {
      const { stdout } = await run(sccache, ["--show-stats", "--stats-format", "json"], settings);
      const { stats, cache_location: where } = JSON.parse(stdout);
      const sum = (counts: { readonly counts: Readonly<Record<string, number>> }): number =>
        Object.values(counts.counts).reduce((a, b) => a + b, 0);
      return {
        hits: sum(stats.cache_hits),
        misses: sum(stats.cache_misses),
        writes: stats.cache_writes,
        writeErrors: stats.cache_write_errors,
        where,
      };
    },
    [Symbol.asyncDispose]: async () => {
      await run(sccache, ["--stop-server"], settings).catch(() => undefined);
    },
  };
}

async function whyNotHere(context: TestContext): Promise<string | undefined> {
  try {
    await findTool("sccache");
  } catch (error) {
    if (!(error instanceof TriplaneError) || process.env["TRIPLANE_REQUIRE_ALL"] === "1") throw error;
    return `SCCACHE IS MISSING, agreement with it is not tested: ${error.message} (${error.hint})`;
  }
  return (await hasCargo(context)) ? undefined : "CARGO IS MISSING";
}

/** Whichever registry is there: for compiled objects none is asked. */
async function anyRegistry(): Promise<RegistryPlace> {
  for (const backend of BACKENDS) if ((await whyMissing(backend)) === undefined) return await startRegistry(backend);
  throw new Error("neither zot nor distribution is here");
}

function runnerToken(place: RegistryPlace, repo = REPO): string {
  const nowS = nowSeconds(systemClock);
  place.leases.add(LEASE);
  return issueRegistryAccess(place.issuer, { leaseId: LEASE, repo, nowS, expiresAtS: nowS + 600 }).token;
}

function tokenFor(place: RegistryPlace, ...actions: Action[]): string {
  const nowS = nowSeconds(systemClock);
  return signRegistryToken(place.issuer, {
    subject: "test",
    access: [{ type: "sccache", name: REPO, actions }],
    nowS,
    expiresAtS: nowS + 600,
  });
}

test("peer sccache: what a runner compiled is a hit for the next runner of the repository, in Rust and in C", {
  timeout: 300_000,
}, async (context) => {
  const missing = await whyNotHere(context);
  if (missing !== undefined) return context.skip(missing);
  await using place = await anyRegistry();
  const crate = await writeCrate(place.folder, { name: "compiled", version: "1.0.0", source: "pub fn answer() -> u32 { 42 }\n" });
  await writeFile(join(crate, "one.c"), "int one(void) { return 1; }\n");
  const build = async (name: string): Promise<Awaited<ReturnType<Machine["stats"]>>> => {
    await using on = await machine(place, name, runnerToken(place));
    await rm(join(crate, "target"), { recursive: true, force: true });
    await on.compile(crate, "cargo", ["build", "--offline"]);
    await on.compile(crate, "gcc", ["-c", "one.c", "-o", "one.o"]);
    // It writes after the compiler has ended: a machine that goes away before that leaves nothing behind.
    return await eventually(async () => {
      const stats = await on.stats();
      return stats.writes + stats.writeErrors === stats.misses ? stats : undefined;
    });
  };
  const first = await build("first");
  assert.match(first.where, /webdav/i);
  assert.deepEqual([first.hits, first.misses, first.writeErrors], [0, 2, 0]);
  const second = await build("second");
  assert.deepEqual([second.hits, second.misses], [2, 0]);
});

test("peer sccache: a runner of another repository gets nothing and writes nothing; who may only read only reads", {
  timeout: 300_000,
}, async (context) => {
  const missing = await whyNotHere(context);
  if (missing !== undefined) return context.skip(missing);
  await using place = await anyRegistry();
  const source = join(place.folder, "source");
  await mkdir(source);
  await writeFile(join(source, "one.c"), "int one(void) { return 1; }\n");
  const gcc = ["-c", "one.c", "-o", "one.o"];

  await using stranger = await machine(place, "stranger", runnerToken(place, "acme/other"));
  await assert.rejects(stranger.compile(source, "gcc", gcc), /403|PermissionDenied|no right/);

  await using reader = await machine(place, "reader", tokenFor(place, "pull"));
  await reader.compile(source, "gcc", gcc);
  assert.deepEqual([(await reader.stats()).hits, (await reader.stats()).misses], [0, 1]);
  {
    // Nothing of the reader's came in.
    await using owner = await machine(place, "owner", tokenFor(place, "pull", "push"));
    await owner.compile(source, "gcc", gcc);
    await eventually(async () => (await owner.stats()).writes === 1);
    assert.deepEqual([(await owner.stats()).hits, (await owner.stats()).misses], [0, 1]);
  }
  await using again = await machine(place, "again", tokenFor(place, "pull"));
  await again.compile(source, "gcc", gcc);
  assert.equal((await again.stats()).hits, 1);
});
