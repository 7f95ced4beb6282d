// The body of `cargo publish`: u32 length, JSON, u32 length, .crate (little endian). Read strictly: every length is checked before it is used.
import { createHash } from "node:crypto";
import { parseStrictJson, TriplaneError, toTriplaneError } from "@triplane/contract";
import { z } from "zod";
import { assertNewCrateName, isCrateName, isVersion } from "./names.ts";

const MAX_METADATA_BYTES = 1024 * 1024;
const GZIP = [0x1f, 0x8b] as const;

const crateName = z.string().refine(isCrateName, "must be the name of a crate");
const featureName = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_+.-]*$/u, "must be the name of a feature")
  .max(128);
const featureValue = z.string().max(256);

const dependencySchema = z.object({
  name: crateName,
  version_req: z.string().max(256),
  features: z.array(featureValue).max(500).default([]),
  optional: z.boolean().default(false),
  default_features: z.boolean().default(true),
  target: z.string().max(500).nullish(),
  kind: z.enum(["normal", "dev", "build"]).nullish(),
  registry: z.string().max(500).nullish(),
  explicit_name_in_toml: crateName.nullish(),
});

/** What cargo says of the crate, as far as the index needs it; the rest is for a web page that we do not have. */
const metadataSchema = z.object({
  name: z.string(),
  vers: z.string().refine(isVersion, "must be a semantic version"),
  deps: z.array(dependencySchema).max(1000),
  features: z.record(featureName, z.array(featureValue).max(500)).default({}),
  links: z.string().max(256).nullish(),
  rust_version: z.string().max(64).nullish(),
  description: z.string().max(10_000).nullish(),
  license: z.string().max(500).nullish(),
});
export type CrateMetadata = z.infer<typeof metadataSchema>;

export interface PublishBody {
  readonly metadata: CrateMetadata;
  /** The .crate file. */
  readonly crate: Uint8Array;
  /** SHA-256 of it, hexadecimal. */
  readonly cksum: string;
}

/** Throws `crate_invalid`. */
export function readPublishBody(body: Uint8Array): PublishBody {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const json = section(view, 0, "the metadata");
  if (json.length > MAX_METADATA_BYTES) throw invalid(`the metadata is larger than ${MAX_METADATA_BYTES} bytes`);
  const crate = section(view, 4 + json.length, "the .crate file");
  if (8 + json.length + crate.length !== view.length) throw invalid("something follows the .crate file");
  if (crate[0] !== GZIP[0] || crate[1] !== GZIP[1]) throw invalid("the .crate file is not a gzip archive");
  return { metadata: readMetadata(json), crate, cksum: createHash("sha256").update(crate).digest("hex") };
}

function section(view: Buffer, at: number, what: string): Buffer {
  if (view.length < at + 4) throw invalid(`the body ends before ${what}`);
  const length = view.readUInt32LE(at);
  if (length > view.length - at - 4) throw invalid(`the body ends inside ${what}`);
  return view.subarray(at + 4, at + 4 + length);
}

function readMetadata(json: Buffer): CrateMetadata {
  let value: unknown;
  try {
    value = parseStrictJson(json);
  } catch (cause) {
    throw new TriplaneError("crate_invalid", `the metadata is not strict JSON: ${toTriplaneError(cause).message}`, { cause });
  }
  const parsed = metadataSchema.safeParse(value);
  if (!parsed.success) {
    throw invalid(
      parsed.error.issues
        .map((issue) => `${issue.path.join(".") || "metadata"}: ${issue.message}`)
        .slice(0, 5)
        .join("; "),
    );
  }
  assertNewCrateName(parsed.data.name);
  return parsed.data;
}

function invalid(message: string): TriplaneError {
  return new TriplaneError("crate_invalid", message);
}
