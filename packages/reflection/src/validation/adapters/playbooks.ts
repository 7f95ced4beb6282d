// The folder of playbooks as a source: what each playbook.ncl says, and whether the scripts that it names are there.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { toTriplaneError } from "@triplane/contract";
import { conform, readNickelFile } from "@triplane/nickel";
import { isFile } from "../../playbooks/catalogue.ts";
import { playbookSchema } from "../../playbooks/schema.ts";
import type { DryRunFacts, PlaybookFacts, PlaybookFile } from "../checks/playbooks.ts";
import type { Source } from "../source.ts";

const FILE = "playbook.ncl";

/** Runs one playbook dry. Throws where it cannot be run at all. */
export type DryRunner = (name: string, signal: AbortSignal) => Promise<{ readonly ok: boolean; readonly saw: string }>;

export function playbookSource(folder: string): Source<PlaybookFacts> {
  return {
    where: folder,
    read: async () => ({ playbooks: await Promise.all((await namesIn(folder)).map((name) => playbookIn(folder, name))) }),
  };
}

/** One after another: each speaks to the running system. */
export function dryRunSource(folder: string, run: DryRunner | { readonly absent: string }): Source<DryRunFacts> {
  if (typeof run !== "function") return run;
  return {
    where: folder,
    read: async (signal) => {
      const runs = [];
      for (const name of await namesIn(folder)) {
        const { problem, missing } = await playbookIn(folder, name);
        // Other checks are about those.
        if (problem === undefined && missing.length === 0) runs.push({ name, ...(await run(name, signal)) });
      }
      return { runs };
    },
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function playbookIn(folder: string, name: string): Promise<PlaybookFile> {
  const root = join(folder, name);
  const refused = (problem: string): PlaybookFile => ({ name, problem, scripts: [], missing: [] });
  let scripts: readonly string[];
  try {
    ({ scripts } = conform(readNickelFile(root, FILE, undefined, { displayRoot: name }), {
      schema: playbookSchema,
      code: "playbook_invalid",
      whole: "the playbook",
      further: ({ id }) => (id === name ? [] : [{ path: ["id"], message: `its id is ${id}, its folder is ${name}` }]),
    }));
  } catch (thrown) {
    return refused(toTriplaneError(thrown).message.replaceAll("\n", "; "));
  }
  const missing: string[] = [];
  for (const script of scripts) if (!(await isFile(join(root, script)))) missing.push(script);
  return { name, scripts, missing };
}
