// The part of zot's configuration that we write, as a schema: a member that zot does not know, or that says something else there, does not get into the file.
import { z } from "zod";

const duration = z.string().regex(/^\d{1,6}(?:h|m|s)$/, "must be a duration such as 6h");
const absolutePath = z.string().regex(/^\/[^\0]{1,1000}$/, "must be an absolute path");

const keepTagsSchema = z.strictObject({
  patterns: z.array(z.string().min(1)).min(1),
  mostRecentlyPushedCount: z.int().min(1).optional(),
  pulledWithin: duration.optional(),
  pushedWithin: duration.optional(),
});

const storageDriverSchema = z.strictObject({
  name: z.literal("s3"),
  rootdirectory: absolutePath,
  region: z.string().min(1),
  regionendpoint: z.url({ protocol: /^https?$/ }),
  bucket: z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/, "must be the name of a bucket"),
  forcepathstyle: z.boolean(),
  secure: z.boolean(),
  /** A server whose certificate nobody checks is nobody's server. */
  skipverify: z.literal(false),
});

const storeSchema = z
  .strictObject({
    rootDirectory: absolutePath,
    dedupe: z.literal(false),
    remoteCache: z.literal(false),
    gc: z.boolean(),
    gcDelay: duration.optional(),
    gcInterval: duration.optional(),
    retention: z
      .strictObject({
        delay: duration,
        policies: z
          .array(
            z.strictObject({
              repositories: z.array(z.string().min(1)).min(1),
              deleteReferrers: z.boolean(),
              deleteUntagged: z.boolean(),
              keepTags: z.array(keepTagsSchema).min(1),
            }),
          )
          .min(1),
      })
      .optional(),
    storageDriver: storageDriverSchema.optional(),
  })
  // zot warns of this and goes on: what it was told would not happen.
  .refine(({ gc, retention }) => gc || retention === undefined, "retention needs gc");
export type ZotStore = z.infer<typeof storeSchema>;

export const zotConfigSchema = z.strictObject({
  distSpecVersion: z.string(),
  http: z.strictObject({
    address: z.string().min(1),
    port: z.string().regex(/^[1-9]\d{0,4}$/, "must be a port"),
    readTimeout: duration,
    writeTimeout: duration,
    auth: z.strictObject({
      bearer: z.strictObject({ realm: z.url({ protocol: /^https?$/ }), service: z.string().min(1), cert: absolutePath }),
    }),
  }),
  log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]) }),
  storage: storeSchema.safeExtend({ subPaths: z.record(z.string().regex(/^\/[a-z]+$/), storeSchema) }),
});
export type ZotConfig = z.infer<typeof zotConfigSchema>;
