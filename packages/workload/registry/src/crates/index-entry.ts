// One version of a crate as the sparse index has it: one line of JSON (cargo's reference, "Index format").
import { z } from "zod";
import type { CrateMetadata } from "./publish-body.ts";

const indexDependencySchema = z.object({
  name: z.string(),
  req: z.string(),
  features: z.array(z.string()),
  optional: z.boolean(),
  default_features: z.boolean(),
  target: z.string().nullable(),
  kind: z.enum(["normal", "dev", "build"]),
  registry: z.string().nullable(),
  package: z.string().nullable(),
});

/** A version without `yanked`, which is the one thing that changes after it was published. */
export const indexEntrySchema = z.object({
  name: z.string(),
  vers: z.string(),
  deps: z.array(indexDependencySchema),
  cksum: z.string().regex(/^[0-9a-f]{64}$/),
  features: z.record(z.string(), z.array(z.string())),
  links: z.string().nullable(),
  v: z.literal(2),
  features2: z.record(z.string(), z.array(z.string())),
  rust_version: z.string().optional(),
});
export type IndexEntry = z.infer<typeof indexEntrySchema>;

export function indexEntry(metadata: CrateMetadata, cksum: string): IndexEntry {
  const features: Record<string, string[]> = {};
  const features2: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(metadata.features)) {
    // Words that older cargos cannot read go where they do not look.
    const isNew = values.some((value) => value.startsWith("dep:") || value.includes("?/"));
    (isNew ? features2 : features)[name] = values;
  }
  return {
    ...{ name: metadata.name, vers: metadata.vers, cksum, features, features2, v: 2 },
    deps: metadata.deps.map(dependency),
    links: metadata.links ?? null,
    ...(metadata.rust_version == null ? {} : { rust_version: metadata.rust_version }),
  };
}

function dependency(dep: CrateMetadata["deps"][number]): IndexEntry["deps"][number] {
  const renamed = dep.explicit_name_in_toml ?? undefined;
  return {
    name: renamed ?? dep.name,
    req: dep.version_req,
    features: dep.features,
    optional: dep.optional,
    default_features: dep.default_features,
    target: dep.target ?? null,
    kind: dep.kind ?? "normal",
    registry: dep.registry ?? null,
    package: renamed === undefined ? null : dep.name,
  };
}

/** The file of a crate in the index. */
export function renderIndex(versions: readonly { readonly entry: IndexEntry; readonly yanked: boolean }[]): string {
  return versions.map(({ entry, yanked }) => `${JSON.stringify({ ...entry, yanked })}\n`).join("");
}
