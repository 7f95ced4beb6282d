// The arguments of buildctl on the runner. Pure; no secret is among them.
import { TriplaneError } from "@triplane/contract";

export interface BuildctlPlan {
  /** Host and port of the registry, as it stands in image names. */
  readonly registry: string;
  readonly repo: string;
  readonly tags: readonly string[];
  /** Name of the Dockerfile inside `dockerfileFolder`. */
  readonly dockerfile: string;
  readonly target: string;
  readonly platforms: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Undefined = no cache. */
  readonly cacheKey: string | undefined;
  /** Ids, and where their files lie on the runner. */
  readonly secrets: readonly { readonly id: string; readonly file: string }[];
  readonly contextFolder: string;
  readonly dockerfileFolder: string;
  readonly metadataFile: string;
}

const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export function imageNames({ registry, repo, tags }: Pick<BuildctlPlan, "registry" | "repo" | "tags">): readonly string[] {
  const wrong = tags.find((tag) => !TAG.test(tag));
  if (wrong !== undefined || tags.length === 0)
    throw new TriplaneError("config_invalid", `${JSON.stringify(wrong ?? "")} is no tag of an image`);
  return tags.map((tag) => `${registry}/images/${repo}:${tag}`);
}

/** Throws `config_invalid` for names that BuildKit or a registry would read as something else. */
export function checkNames({ buildArgs, cacheKey }: Pick<BuildctlPlan, "buildArgs" | "cacheKey">): void {
  const wrong = Object.keys(buildArgs).find((name) => !/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name));
  if (wrong !== undefined) throw new TriplaneError("config_invalid", `${JSON.stringify(wrong)} is no name of a build argument`);
  if (cacheKey !== undefined && !TAG.test(cacheKey)) throw new TriplaneError("config_invalid", "the cache key is no tag");
}

export function buildctlArguments(plan: BuildctlPlan): readonly string[] {
  const option = (name: string, value: string): readonly string[] => ["--opt", `${name}=${value}`];
  const cache = plan.cacheKey === undefined ? undefined : `type=registry,ref=${plan.registry}/cache/${plan.repo}:${plan.cacheKey}`;
  checkNames(plan);
  return [
    "build",
    "--frontend=dockerfile.v0",
    `--local=context=${plan.contextFolder}`,
    `--local=dockerfile=${plan.dockerfileFolder}`,
    ...option("filename", plan.dockerfile),
    ...(plan.target === "" ? [] : option("target", plan.target)),
    ...(plan.platforms.length === 0 ? [] : option("platform", plan.platforms.join(","))),
    ...Object.entries(plan.buildArgs).flatMap(([name, value]) => option(`build-arg:${name}`, value)),
    ...plan.secrets.flatMap(({ id, file }) => ["--secret", `id=${id},src=${file}`]),
    `--output=type=image,"name=${imageNames(plan).join(",")}",push=true,oci-mediatypes=true`,
    ...(cache === undefined
      ? []
      : [
          `--export-cache=${cache},mode=max,image-manifest=true,oci-mediatypes=true,compression=zstd,ignore-error=true`,
          `--import-cache=${cache}`,
        ]),
    `--metadata-file=${plan.metadataFile}`,
    "--progress=rawjson",
  ];
}
