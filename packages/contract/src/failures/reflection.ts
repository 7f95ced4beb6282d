// Failures of modes and of their runs.
import { failureEntries } from "./entry.ts";

export const REFLECTION_FAILURES = failureEntries({
  provisioning_missing: {
    httpStatus: 404,
    retry: "no",
    what: "There is no provisioning root here: no folder with reflection/modes in it.",
    hint: "Go into the repository, or name the folder with --provisioning-root.",
  },
  mode_unknown: { httpStatus: 404, retry: "no", what: "No mode has this id.", hint: "`ontoref mode list` shows which there are." },
  mode_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The mode does not have the shape of the schema, or its graph of steps is wrong.",
    hint: "Each problem names its place; `ontoref mode check` lists them all.",
  },
  run_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "There is no such run, or no open run of this mode.",
    hint: "`ontoref run list` shows the runs; `ontoref run start` opens one.",
  },
  run_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "What a run was asked for is not allowed: a parameter's name, a task or an output that is too long.",
    hint: "The message says which.",
  },
  run_ended: {
    httpStatus: 409,
    retry: "no",
    what: "The run has ended; nothing can be added to it.",
    hint: "Start another one with `ontoref run start`.",
  },
  run_busy: {
    httpStatus: 409,
    retry: "later",
    what: "Another process works on this run.",
    hint: "Wait until it has ended; `ontoref run show` shows how far it is.",
  },
  run_journal_broken: {
    httpStatus: 500,
    retry: "no",
    what: "The journal of a run is damaged before its last line, which no crash does.",
    hint: "Keep the file for whoever looks into it, and start another run.",
  },
  step_unknown: { httpStatus: 404, retry: "no", what: "The mode has no such step.", hint: "`ontoref mode show` lists its steps." },
  step_not_ready: {
    httpStatus: 409,
    retry: "later",
    what: "The step cannot be closed now: it waits for others, or it has ended.",
    hint: "`ontoref run show` says what it waits for.",
  },
  step_not_yours: {
    httpStatus: 403,
    retry: "no",
    what: "The step is another actor's.",
    hint: "Whoever it belongs to reports it; `--actor` and ONTOREF_ACTOR say who you are.",
  },
  step_interrupted: {
    httpStatus: 409,
    retry: "no",
    what: "A step was running when the run was cut off, and it is not known how far it came.",
    hint: "Look, then report it with `ontoref step report`, or run it again with --interrupted again.",
  },
});
