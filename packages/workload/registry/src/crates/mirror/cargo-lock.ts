// Which crates a build is made of: the packages of a Cargo.lock that come from a registry. Reads the part of TOML that cargo writes there.
import { isCrateName, isVersion } from "../names.ts";

export interface LockedCrate {
  readonly name: string;
  readonly version: string;
  /** Where from, as cargo writes it: `registry+https://github.com/rust-lang/crates.io-index`. */
  readonly source: string;
  /** SHA-256 of the .crate, hexadecimal. */
  readonly checksum: string;
}

const MEMBER = /^(name|version|source|checksum) = "([^"\\]*)"$/;

/** The crates with a checksum; packages of the workspace, of git and of folders have none. */
export function readCargoLock(text: string): LockedCrate[] {
  return text
    .split(/^\[\[package\]\]$/m)
    .slice(1)
    .flatMap((block) => {
      const members: Record<string, string> = {};
      for (const line of block.split(/\r?\n/)) {
        const [, key, value] = MEMBER.exec(line) ?? [];
        if (key !== undefined && value !== undefined) members[key] = value;
      }
      const { name = "", version = "", source, checksum } = members;
      if (source === undefined || checksum === undefined || !/^[0-9a-f]{64}$/.test(checksum)) return [];
      // They become parts of paths.
      return isCrateName(name) && isVersion(version) ? [{ name, version, source, checksum }] : [];
    });
}
