// What a new workspace is made from: the folder provisioning/workspaces/<workspace> of this repository.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { assertWorkspace, TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { conform, readNickel } from "@triplane/nickel";
import { PRODUCT_ROOT } from "./layout.ts";
import { type People, peopleSchema } from "./principals.ts";

export interface WorkspaceSources {
  readonly people: People;
  /** Policy files without principals.ncl and pins.ncl, which every workspace has of its own. */
  readonly policyFiles: ReadonlyMap<string, string>;
  readonly desiredFiles: ReadonlyMap<string, string>;
  readonly catalogDir: string;
}

const POLICY_FILES = ["keeper_policy.ncl", "keeper_policy.test.ncl"] as const;

/** Throws `config_invalid` where the folder is missing or incomplete, `nickel_*` for what does not read. */
export async function readWorkspaceSources(workspace: string): Promise<WorkspaceSources> {
  const folder = join(PRODUCT_ROOT, "provisioning", "workspaces", assertWorkspace(workspace));
  const people = await readPeople(join(folder, "people.ncl"));
  const policyFiles = new Map<string, string>();
  for (const name of POLICY_FILES) policyFiles.set(name, await readSource(join(folder, name)));
  return {
    people,
    policyFiles,
    desiredFiles: new Map([["desired.ncl", await readSource(join(folder, "desired.ncl"))]]),
    catalogDir: join(PRODUCT_ROOT, "provisioning", "catalog", "components"),
  };
}

async function readPeople(path: string): Promise<People> {
  return conform(readNickel(await readSource(path), { file: path }), { schema: peopleSchema, code: "config_invalid", whole: "the people" });
}

async function readSource(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    throw new TriplaneError("config_invalid", `${path} is missing`, {
      cause: error,
      hint: "A workspace is made from its folder under provisioning/workspaces; libre-wuji is one.",
    });
  }
}
