// The lock file is that of the manifests: what a manifest asks for is what the lock file says that it asks for.
import type { Problem, Repository } from "./repository.ts";

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly hasInstallScript?: boolean;
}

const FIELDS = ["version", "dependencies", "devDependencies", "optionalDependencies", "bin"] as const;

export function lockFileMatches(repository: Repository): Problem[] {
  const text = repository.text("package-lock.json");
  if (text === undefined) return [{ path: "package-lock.json", what: "does not exist" }];
  const lock: { packages: Record<string, Manifest> } = JSON.parse(text);
  const problems: Problem[] = [];
  for (const path of repository.paths.filter((each) => /(^|\/)package\.json$/.test(each))) {
    const folder = path.replace(/\/?package\.json$/, "");
    // What is installed apart from the product, and only on request, has a lock file of its own.
    if (folder !== "" && repository.paths.includes(`${folder}/package-lock.json`)) continue;
    const manifest: Manifest = JSON.parse(repository.text(path) ?? "{}");
    const locked = lock.packages[folder];
    const differing = FIELDS.filter((field) => normal(manifest[field]) !== normal(locked?.[field]));
    if (differing.length > 0) problems.push({ path, what: `package-lock.json has other ${differing.join(", ")}: run npm install` });
  }
  for (const [name, entry] of Object.entries(lock.packages)) {
    if (entry.hasInstallScript === true) {
      problems.push({ path: "package-lock.json", what: `${name} runs a script when it is installed: npm blocks those, and so do we` });
    }
  }
  return problems;
}

/** The same text for the same content, whatever the order of keys; npm leaves empty fields out. */
function normal(value: Manifest[keyof Manifest]): string {
  if (value === undefined || typeof value !== "object") return JSON.stringify(value ?? {});
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}
