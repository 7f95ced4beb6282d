// What crates need of an OCI registry.
import type { Readable } from "node:stream";

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** Every call throws `unavailable` where the registry does not answer, and `registry_backend` where it answers with what it should not. */
export interface ArtifactStore {
  /** Tags of a repository; empty where there is none. */
  tags(repository: string): Promise<readonly string[]>;
  manifest(repository: string, tag: string): Promise<Manifest | undefined>;
  /** A small blob as a whole. Its digest has been checked. */
  blob(repository: string, descriptor: Descriptor): Promise<Uint8Array>;
  /** A blob as a stream, which fails at its end where the digest is not the one asked for. */
  openBlob(repository: string, descriptor: Descriptor): Promise<Readable>;
  /** Idempotent: a blob that is there already is there afterwards. */
  putBlob(repository: string, mediaType: string, content: Uint8Array): Promise<Descriptor>;
  putManifest(repository: string, tag: string, manifest: Manifest): Promise<void>;
}
