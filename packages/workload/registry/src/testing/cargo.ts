// The machine's cargo with a home of its own, against one registry and nothing else.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface CargoAnswer {
  readonly ok: boolean;
  readonly text: string;
}

export type Cargo = (cwd: string, args: readonly string[], more?: Readonly<Record<string, string>>) => Promise<CargoAnswer>;

/** Whether cargo runs here; else the test is skipped, or fails where every tool is demanded. */
export async function hasCargo(context: TestContext): Promise<boolean> {
  try {
    await run("cargo", ["--version"]);
    return true;
  } catch (error) {
    if (process.env["TRIPLANE_REQUIRE_ALL"] === "1") throw error;
    context.skip("CARGO IS MISSING, agreement with it is not tested: install Rust (https://rustup.rs)");
    return false;
  }
}

/** `home` keeps what cargo downloads; a new one knows nothing. */
export async function cargoAt(origin: string, token: string | undefined, home: string): Promise<Cargo> {
  await mkdir(home, { recursive: true });
  const env = {
    ...process.env,
    // The toolchain stays where it is.
    RUSTUP_HOME: process.env["RUSTUP_HOME"] ?? join(homedir(), ".rustup"),
    CARGO_HOME: home,
    CARGO_REGISTRIES_OURS_INDEX: `sparse+${origin}/crates/index/`,
    CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS: "cargo:token",
    CARGO_TERM_COLOR: "never",
    CARGO_NET_RETRY: "0",
    CARGO_BUILD_JOBS: "1",
    ...(token === undefined ? {} : { CARGO_REGISTRIES_OURS_TOKEN: token }),
  };
  return async (cwd, args, more = {}) => {
    try {
      const { stdout, stderr } = await run("cargo", [...args], { cwd, env: { ...env, ...more }, timeout: 120_000 });
      return { ok: true, text: stdout + stderr };
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return { ok: false, text: stdout + stderr };
    }
  };
}

/** Writes a crate: `manifest` goes into its Cargo.toml, `source` is its src/lib.rs (or src/main.rs for a program). */
export async function writeCrate(
  folder: string,
  crate: {
    readonly name: string;
    readonly version: string;
    readonly manifest?: string;
    readonly source: string;
    readonly isProgram?: boolean;
  },
): Promise<string> {
  const at = join(folder, `${crate.name}-${crate.version}`);
  const file = join(at, "src", crate.isProgram === true ? "main.rs" : "lib.rs");
  await mkdir(dirname(file), { recursive: true });
  const head = `[package]\nname = "${crate.name}"\nversion = "${crate.version}"\nedition = "2021"\ndescription = "for a test"\nlicense = "MIT"\n`;
  await writeFile(join(at, "Cargo.toml"), `${head}${crate.manifest ?? ""}`);
  await writeFile(file, crate.source);
  return at;
}
