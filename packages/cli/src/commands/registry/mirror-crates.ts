// triplane registry mirror-crates: what a Cargo.lock names, from cargo's own downloads into our registry.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { readSecretFile } from "@triplane/kit";
import { mirrorCrates, readCargoLock } from "@triplane/registry";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";

const CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index";

export const registryMirrorCrates = defineCommand({
  description:
    "Takes each crate from what cargo has downloaded (run `cargo fetch` first), checks it against the checksum in the lock file, and publishes the same bytes. What is there already with the same checksum is left alone; nothing is fetched from anywhere.\n\nThe secret of a crate-publisher comes from TRIPLANE_REGISTRY_TOKEN or from a file.",
  args: z.strictObject({
    lock: z.string().min(1).default("Cargo.lock").meta({ description: "The lock file", placeholder: "CARGO.LOCK" }),
  }),
  options: z.strictObject({
    to: text("URL", "The registry, e.g. https://registry.example"),
    source: text("SOURCE", "Which packages of the lock file, by their source").default(CRATES_IO),
    cargoHome: text("DIR", "cargo's home (default: CARGO_HOME, else ~/.cargo)").optional(),
    tokenFile: text("FILE", "File with the secret").optional(),
  }),
  examples: [{ command: "triplane registry mirror-crates Cargo.lock --to https://registry.example", what: "the crates of this lock file" }],
  run: async ({ args, options }, context) => {
    if (!URL.canParse(options.to)) throw new TriplaneError("usage", "--to must be a URL");
    const file = resolve(context.cwd, args.lock);
    const lock = await readFile(file, "utf8").catch((cause: unknown) => {
      throw new TriplaneError("usage", `${file} cannot be read`, { cause });
    });
    const crates = readCargoLock(lock).filter(({ source }) => source === options.source);
    if (crates.length === 0) throw new TriplaneError("usage", `${file} names no package of ${options.source}`);
    const results = await mirrorCrates(crates, {
      origin: new URL(options.to).origin,
      token: await tokenOf(options.tokenFile, context),
      cargoHome: resolve(context.cwd, options.cargoHome ?? context.env["CARGO_HOME"] ?? join(homedir(), ".cargo")),
      signal: context.signal,
      onCrate: ({ name, version, outcome }) => context.progress(`${name} ${version}: ${outcome}`),
    });
    const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
    return { published: count("published"), there: count("there"), failed: results.filter(({ outcome }) => outcome === "failed") };
  },
  render: ({ published, there, failed }) =>
    [
      `${published} published, ${there} there already, ${failed.length} failed`,
      ...failed.map(({ name, version, why }) => `  ${name} ${version}: ${why}`),
      "",
    ].join("\n"),
  failed: ({ failed }) => failed.length > 0,
});

async function tokenOf(file: string | undefined, { env, cwd }: CommandContext): Promise<string> {
  const token = file === undefined ? env["TRIPLANE_REGISTRY_TOKEN"] : await readSecretFile(resolve(cwd, file));
  if (token === undefined || token.trim() === "")
    throw new TriplaneError("usage", "a secret is needed: TRIPLANE_REGISTRY_TOKEN or --token-file");
  return token.trim();
}
