// Pre- and postconditions: the two sentences that can be checked are, the others are for people.
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Step } from "../modes/schema.ts";
import type { ConditionView } from "./types.ts";

export interface Surroundings {
  /** The repository that holds the provisioning root; files are looked for from here. */
  readonly repository: string;
  /** The PATH that commands get. */
  readonly path: string;
  readonly steps: readonly Step[];
}

const IN_PATH = /^([A-Za-z0-9._+-]{1,64}) is available in PATH$/;
const READABLE = /^(\S{1,500}) is readable$/;

export function checkConditions(texts: readonly string[], around: Surroundings): Promise<readonly ConditionView[]> {
  return Promise.all(texts.map((text) => checkCondition(text, around)));
}

async function checkCondition(text: string, around: Surroundings): Promise<ConditionView> {
  const program = IN_PATH.exec(text)?.[1];
  if (program !== undefined) {
    const found = await findProgram(program, around.path);
    if (found !== undefined) return { text, verdict: "holds", saw: found };
    return { text, verdict: "fails", saw: `${program} is in no folder of PATH`, ...affected(program, around.steps) };
  }
  const file = READABLE.exec(text)?.[1];
  if (file !== undefined) {
    const path = resolve(around.repository, file);
    const problem = await unreadable(path);
    return problem === undefined ? { text, verdict: "holds", saw: path } : { text, verdict: "fails", saw: `${path} ${problem}` };
  }
  return { text, verdict: "unchecked" };
}

/** The first program of that name in the folders of a PATH. */
export async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const candidate = join(folder, name);
    try {
      await access(candidate, constants.X_OK);
      if ((await stat(candidate)).isFile()) return candidate;
    } catch {}
  }
  return undefined;
}

async function unreadable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.R_OK);
    return (await stat(path)).isFile() ? undefined : "is no file";
  } catch {
    return "cannot be read";
  }
}

function affected(program: string, steps: readonly Step[]): Pick<ConditionView, "affects"> {
  const word = new RegExp(`(?<![\\w./-])${program.replaceAll(/[.+]/g, "\\$&")}(?![\\w-])`);
  const affects = steps.filter(({ cmd }) => cmd !== undefined && word.test(cmd)).map(({ id }) => id);
  return affects.length === 0 ? {} : { affects };
}
