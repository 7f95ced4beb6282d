// The playbooks of a provisioning root: a folder each in catalog/playbooks, named like its playbook.
//
// 1. A playbook is all of its files: their digest is what people confirm, and what a receipt names.
// 2. Scripts are regular files of the playbook's own folder; a link to something else is not one.
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, type Digest, digestOf, TriplaneError, toTriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import type { ValueProblem } from "@triplane/nickel";
import type { ModeSource } from "../modes/catalogue.ts";
import { graphProblems } from "../modes/graph.ts";
import { modeSchema } from "../modes/schema.ts";
import { readShaped } from "../shape/read-shaped.ts";
import { valueProblem } from "./parameters.ts";
import { type Playbook, playbookSchema } from "./schema.ts";

export const PLAYBOOKS_FOLDER = "catalog/playbooks";
/** What all scripts may use; part of every playbook. */
const SHARED_SCRIPT = "common.nu";
const ENTRY = "playbook.ncl";
const MAX_FILE_BYTES = 256 * 1024;

export interface LoadedPlaybook {
  readonly name: string;
  readonly playbook: Playbook;
  /** Absolute path of its folder. */
  readonly folder: string;
  /** SHA-256 of the canonical JSON of [path, SHA-256] of every file, sorted by path. */
  readonly digest: Digest;
  /** By path from the folder of all playbooks. */
  readonly files: ReadonlyMap<string, Digest>;
  /** Absolute paths of its Nushell scripts. */
  readonly scripts: readonly string[];
}

export interface PlaybookEntry {
  readonly name: string;
  /** One of the two. */
  readonly loaded?: LoadedPlaybook;
  readonly failure?: TriplaneError;
}

export interface PlaybookCatalogue {
  /** Throws `playbook_unknown`, `playbook_invalid` or a nickel failure, with places. */
  load(name: string): Promise<LoadedPlaybook>;
  /** All, by name; what cannot be loaded comes with its failure. */
  list(): Promise<readonly PlaybookEntry[]>;
  /** The playbooks as modes, for `openRuns`. */
  readonly modes: ModeSource;
}

/** `root` is the absolute path of the provisioning root. */
export function openPlaybooks(root: string): PlaybookCatalogue {
  const all = join(root, PLAYBOOKS_FOLDER);
  const load = async (name: string): Promise<LoadedPlaybook> => {
    if (!/^[a-z0-9_]{1,64}$/.test(name) || !(await isFile(join(all, name, ENTRY))))
      throw new TriplaneError("playbook_unknown", `there is no playbook ${JSON.stringify(name.slice(0, 80))} in ${all}`);
    return await loadFrom(root, name);
  };
  return {
    load,
    list: async () => {
      const entries = await readdir(all, { withFileTypes: true }).catch((error: unknown) => {
        if (isErrno(error, "ENOENT")) return [];
        throw error;
      });
      const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      return await Promise.all(
        names.sort().map(async (name): Promise<PlaybookEntry> => {
          try {
            return { name, loaded: await load(name) };
          } catch (thrown) {
            return { name, failure: toTriplaneError(thrown) };
          }
        }),
      );
    },
    modes: { load: async (id) => asMode((await load(nameOf(id))).playbook) },
  };
}

/** The id of a playbook as a mode: modes have hyphens. */
export function modeIdOf(name: string): string {
  return name.replaceAll("_", "-");
}

function nameOf(modeId: string): string {
  return modeId.replaceAll("-", "_");
}

function asMode(playbook: Playbook) {
  const { trigger, strategy, preconditions, postconditions } = playbook;
  const steps = playbook.steps.map(({ changes: _, ...step }) => step);
  return modeSchema.parse({ id: modeIdOf(playbook.id), trigger, strategy, preconditions, postconditions, steps });
}

async function loadFrom(root: string, name: string): Promise<LoadedPlaybook> {
  const folder = join(root, PLAYBOOKS_FOLDER, name);
  const files = await digestsIn(root, name);
  const playbook = await readShaped(
    { root, file: `${PLAYBOOKS_FOLDER}/${name}/${ENTRY}` },
    {
      schema: playbookSchema,
      code: "playbook_invalid",
      whole: "the playbook",
      further: (read) => [
        ...(read.id === name ? [] : [{ path: ["id"], message: `must be "${name}", as the folder is named` }]),
        ...graphProblems(read.steps),
        ...parameterProblems(read),
        ...destructionProblems(read),
        ...scriptProblems(read, files),
      ],
    },
  );
  const digest = digestOf(canonicalJson([...files].map(([path, each]) => [path, each])));
  return { name, playbook, folder, digest, files, scripts: playbook.scripts.map((script) => join(folder, script)) };
}

async function digestsIn(root: string, name: string): Promise<ReadonlyMap<string, Digest>> {
  const all = join(root, PLAYBOOKS_FOLDER);
  const paths = (await readdir(join(all, name))).map((file) => `${name}/${file}`);
  const found: (readonly [string, Digest])[] = [];
  for (const path of [...paths, SHARED_SCRIPT].sort()) {
    if (!(await isFile(join(all, path)))) continue;
    const bytes = await readFile(join(all, path));
    if (bytes.length > MAX_FILE_BYTES) throw new TriplaneError("playbook_invalid", `${path} has more than ${MAX_FILE_BYTES} bytes`);
    found.push([path, digestOf(bytes)]);
  }
  return new Map(found);
}

function parameterProblems({ parameters }: Playbook): readonly ValueProblem[] {
  return parameters.flatMap((parameter, index) => {
    const at = (field: string, message: string): ValueProblem => ({ path: ["parameters", index, field], message });
    const same = parameters.findIndex(({ name }) => name === parameter.name);
    const broken = patternProblem(parameter.pattern);
    const values = (["default", "example"] as const).flatMap((field) => {
      const value = parameter[field];
      const problem = value === undefined || broken !== undefined ? undefined : valueProblem(parameter, value);
      return problem === undefined ? [] : [at(field, problem)];
    });
    return [
      ...(same === index ? [] : [at("name", `is the name of parameter ${same + 1} already`)]),
      ...((parameter.type === "Choice") === (parameter.choices !== undefined) ? [] : [at("choices", "belong to a Choice, and only there")]),
      ...(parameter.pattern === undefined || parameter.type === "Text" ? [] : [at("pattern", "belongs to a Text only")]),
      ...(broken === undefined ? [] : [at("pattern", broken)]),
      ...(parameter.required && parameter.default !== undefined ? [at("default", "makes no sense where it is required")] : []),
      ...(parameter.required && parameter.example === undefined ? [at("required", "needs an example, for dry runs")] : []),
      ...values,
    ];
  });
}

function patternProblem(pattern: string | undefined): string | undefined {
  try {
    if (pattern !== undefined) new RegExp(`^(?:${pattern})$`, "u");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function destructionProblems({ destructive, confirmation, steps }: Playbook): readonly ValueProblem[] {
  const missing = destructive && confirmation === undefined;
  const idle = !steps.some(({ changes }) => changes);
  return [
    ...(missing ? [{ path: ["destructive"], message: "needs a confirmation: how many of which groups say yes" }] : []),
    ...(!destructive && confirmation !== undefined ? [{ path: ["confirmation"], message: "belongs to what is destructive" }] : []),
    ...(idle ? [{ path: ["steps"], message: "change nothing: a playbook that only looks is a mode" }] : []),
  ];
}

function scriptProblems({ id, scripts, steps }: Playbook, files: ReadonlyMap<string, Digest>): readonly ValueProblem[] {
  const missing = scripts.flatMap((script, index) =>
    files.has(`${id}/${script}`) ? [] : [{ path: ["scripts", index], message: `there is no file ${script} in the playbook's folder` }],
  );
  const unlisted = steps.flatMap(({ cmd = "" }, index) =>
    [...cmd.matchAll(/catalog\/playbooks\/([a-z0-9_]+\/[a-z0-9_]+\.nu)/g)].flatMap(([, path = ""]) =>
      scripts.some((script) => path === `${id}/${script}`)
        ? []
        : [{ path: ["steps", index, "cmd"], message: `calls ${path}, which \`scripts\` does not list` }],
    ),
  );
  const unused = scripts.flatMap((script, index) =>
    steps.some(({ cmd = "" }) => cmd.includes(`catalog/playbooks/${id}/${script}`))
      ? []
      : [{ path: ["scripts", index], message: `no step calls ${script}` }],
  );
  return [...missing, ...unlisted, ...unused];
}

/** A link does not count: what it points at is not the playbook's. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}
