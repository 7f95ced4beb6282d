// validate-playbooks: whether the procedures for bad days can be started at all. Judgement only.
import { check, counted, fail, type Judged, leftTo, listed, pass, type Source } from "../source.ts";

export interface PlaybookFile {
  /** The folder's name. */
  readonly name: string;
  /** Why playbook.ncl does not read, with its place; undefined where it does. */
  readonly problem?: string | undefined;
  /** Scripts that it names. */
  readonly scripts: readonly string[];
  readonly missing: readonly string[];
}

export interface PlaybookFacts {
  readonly playbooks: readonly PlaybookFile[];
}

export interface ScriptProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface ScriptFacts {
  readonly version: string;
  readonly scripts: readonly string[];
  readonly problems: readonly ScriptProblem[];
}

export interface DryRunFacts {
  readonly runs: readonly { readonly name: string; readonly ok: boolean; readonly saw: string }[];
}

/** What a system has to be able to do when there is no time to think. */
export const PLAYBOOKS = [
  "bootstrap_initial",
  "switch_to_vm_ops",
  "switch_to_operator_only",
  "rotate_keys",
  "onboard_operator",
  "offboard_operator",
  "dr_wuji_lost",
  "dr_daoshi_lost",
] as const;

interface HasPlaybooks {
  readonly playbooks: Source<PlaybookFacts>;
  readonly scripts: Source<ScriptFacts>;
  readonly dryRuns: Source<DryRunFacts>;
  nowS(): number;
}

const SCHEMA = "playbook-schema";

function judgeScripts({ playbooks }: PlaybookFacts): Judged {
  const readable = playbooks.filter(({ problem }) => problem === undefined);
  if (readable.length === 0) return leftTo(SCHEMA, "no playbook reads");
  const missing = readable.flatMap((playbook) => playbook.missing.map((script) => `${playbook.name}/${script}`));
  const scripts = readable.reduce((sum, playbook) => sum + playbook.scripts.length, 0);
  return missing.length === 0
    ? pass(`${counted(scripts, "script")} of ${counted(readable.length, "playbook")}`)
    : fail(`${listed(missing)}: not there`, "Put the script back, or take it out of the playbook's list `scripts`.");
}

export const PLAYBOOK_CHECKS = [
  check({
    ...{ id: "playbooks-present", invariant: "mode-is-operational" },
    what: "There is a playbook for every procedure that the system promises.",
    source: ({ playbooks }: HasPlaybooks) => playbooks,
    judge: ({ playbooks }: PlaybookFacts) => {
      const missing = PLAYBOOKS.filter((name) => !playbooks.some((playbook) => playbook.name === name));
      return missing.length === 0
        ? pass(counted(playbooks.length, "playbook"))
        : fail(`${missing.join(", ")}: not there`, "Put its folder back into provisioning/catalog/playbooks.");
    },
  }),
  check({
    ...{ id: SCHEMA, invariant: "no-fail-open" },
    what: "Every playbook.ncl is data with the schema of a playbook.",
    source: ({ playbooks }: HasPlaybooks) => playbooks,
    judge: ({ playbooks }: PlaybookFacts) => {
      const problems = playbooks.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
      return problems.length === 0
        ? pass(counted(playbooks.length, "playbook"))
        : fail(listed(problems), "`triplane playbook show NAME` shows the place; docs/how-to/write-a-playbook.md says what belongs there.");
    },
  }),
  check({
    ...{ id: "playbook-scripts-exist", invariant: "no-fail-open" },
    what: "Every script that a playbook names is in its folder.",
    source: ({ playbooks }: HasPlaybooks) => playbooks,
    judge: judgeScripts,
  }),
  check({
    ...{ id: "nushell-scripts-parse", invariant: "no-fail-open" },
    what: "`nu --ide-check` finds no error in any script of playbooks and handlers.",
    source: ({ scripts }: HasPlaybooks) => scripts,
    judge: ({ scripts, problems, version }: ScriptFacts) =>
      problems.length === 0
        ? pass(`${counted(scripts.length, "script")}, Nushell ${version}`)
        : fail(
            listed(problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)),
            "Correct it; `nu --ide-check 10 FILE` shows the same.",
          ),
  }),
  check({
    ...{ id: "playbook-dry-runs", invariant: "mode-is-operational" },
    what: "A dry run of every playbook that reads gets to its end.",
    source: ({ dryRuns }: HasPlaybooks) => dryRuns,
    judge: ({ runs }: DryRunFacts) => {
      const failed = runs.filter(({ ok }) => !ok).map(({ name, saw }) => `${name}: ${saw}`);
      return failed.length === 0
        ? pass(`${counted(runs.length, "playbook")} to the end`)
        : fail(listed(failed), "`triplane playbook run NAME --dry-run` shows the step.");
    },
  }),
] as const;
