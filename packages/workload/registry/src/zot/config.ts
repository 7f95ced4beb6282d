// zot's config.json, made from the description of the namespaces: a pure function.
//
// 1. Each namespace is a store of its own: its collection, its retention and its locks are not those of the next one.
// 2. Blobs are not shared between repositories (`dedupe` off). With it, zot answers for a blob of any repository of the store to whoever may read one
//    repository and knows the digest; on S3 it would want another database besides.
// 3. Tokens alone decide: zot's `accessControl` does not count beside them, so none is written.
import { TriplaneError } from "@triplane/contract";
import { NAMESPACES, type Namespace, type Retention } from "../namespaces.ts";
import { type ZotConfig, type ZotStore, zotConfigSchema } from "./schema.ts";

export interface FilesStorage {
  readonly kind: "files";
}

/** A bucket with versioning. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of zot's environment, never from the file. */
export interface S3Storage {
  readonly kind: "s3";
  /** `https://s3.example` or `http://127.0.0.1:7070`. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Buckets in the path, not in the host name: what most servers but Amazon's want. */
  readonly pathStyle: boolean;
}

export interface ZotOptions {
  readonly address: string;
  readonly port: number;
  /** Folder for metadata, and for blobs unless they are on S3. */
  readonly folder: string;
  readonly storage: FilesStorage | S3Storage;
  /** The gateway, as clients know it: `https://registry.example`. */
  readonly origin: string;
  /** `host:port` of the registry. */
  readonly registry: string;
  /** PEM file with the public key of the tokens. zot reads it when it starts. */
  readonly publicKeyFile: string;
  readonly collectEveryHours?: number;
}

const COLLECT_EVERY_HOURS = 6;

/** Throws `config_invalid` for options that zot would not take. */
export function zotConfig(options: ZotOptions): ZotConfig {
  const { address, port, origin, registry, publicKeyFile } = options;
  const stored = NAMESPACES.filter(({ inZot }) => inZot);
  const made = {
    distSpecVersion: "1.1.1",
    http: {
      address,
      port: String(port),
      // zot gives up on any request after a minute unless told otherwise: a layer over a slow line takes longer. The gateway ends idle connections.
      readTimeout: "0s",
      writeTimeout: "0s",
      auth: { bearer: { realm: `${origin}/token`, service: registry, cert: publicKeyFile } },
    },
    log: { level: "info" },
    storage: {
      // What is in no namespace is in no store that anybody has a token for.
      ...storeOf(options, "none", undefined),
      subPaths: Object.fromEntries(stored.map((namespace) => [`/${namespace.name}`, storeOf(options, namespace.name, namespace)])),
    },
  };
  const parsed = zotConfigSchema.safeParse(made);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new TriplaneError("config_invalid", `zot's configuration: ${problems.join("; ")}`, { details: { problems } });
  }
  return parsed.data;
}

/** The text of config.json. */
export function renderZotConfig(options: ZotOptions): string {
  return `${JSON.stringify(zotConfig(options), null, 2)}\n`;
}

function storeOf(options: ZotOptions, name: string, namespace: Namespace | undefined): ZotStore {
  const { folder, storage, collectEveryHours = COLLECT_EVERY_HOURS } = options;
  const retention = namespace?.retention;
  const collection: Pick<ZotStore, "gc" | "gcDelay" | "gcInterval" | "retention"> =
    retention === undefined
      ? { gc: false }
      : {
          gc: true,
          gcDelay: hours(retention.untaggedHours),
          gcInterval: hours(collectEveryHours),
          retention: retentionOf(name, retention),
        };
  const place = { rootDirectory: `${folder}/${name}`, dedupe: false, remoteCache: false } as const;
  if (storage.kind === "files") return { ...place, ...collection };
  const endpoint = new URL(storage.endpoint);
  return {
    ...place,
    ...collection,
    storageDriver: {
      name: "s3",
      rootdirectory: `/${name}`,
      region: storage.region,
      regionendpoint: endpoint.origin,
      bucket: storage.bucket,
      forcepathstyle: storage.pathStyle,
      secure: endpoint.protocol === "https:",
      skipverify: false,
    },
  };
}

function retentionOf(name: string, { keepTags, untaggedHours }: Retention): NonNullable<ZotStore["retention"]> {
  return {
    delay: hours(untaggedHours),
    policies: [
      {
        repositories: [`${name}/**`],
        deleteReferrers: true,
        deleteUntagged: true,
        keepTags: keepTags.map(({ patterns, mostRecentlyPushed, pulledWithinHours, pushedWithinHours }) => ({
          patterns: [...patterns],
          ...(mostRecentlyPushed === undefined ? {} : { mostRecentlyPushedCount: mostRecentlyPushed }),
          ...(pulledWithinHours === undefined ? {} : { pulledWithin: hours(pulledWithinHours) }),
          ...(pushedWithinHours === undefined ? {} : { pushedWithin: hours(pushedWithinHours) }),
        })),
      },
    ],
  };
}

function hours(count: number): string {
  return `${count}h`;
}
