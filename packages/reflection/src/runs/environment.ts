// What commands of a run see of the environment: little, and nothing by chance.

type Environment = Readonly<Record<string, string | undefined>>;

/** PATH, HOME, LANG, and whatever is Triplane's or ontoref's by name. */
const PASSED = /^(?:PATH|HOME|LANG|TRIPLANE_.*|ONTOREF_.*)$/;

export interface EnvironmentParts {
  readonly run: string;
  readonly mode: string;
  readonly task: string;
  readonly actor: string;
  readonly root: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly added: Readonly<Record<string, string>>;
}

/** The same for all steps of a run; each has ONTOREF_STEP and ONTOREF_ATTEMPT besides. */
export function commandEnvironment(own: Environment, parts: EnvironmentParts): Record<string, string> {
  const passed = Object.entries(own).filter((pair): pair is [string, string] => pair[1] !== undefined && PASSED.test(pair[0]));
  const parameters = Object.entries(parts.parameters).map(([name, value]): [string, string] => [`PARAM_${name.toUpperCase()}`, value]);
  return {
    ...Object.fromEntries(passed),
    ...parts.added,
    ...Object.fromEntries(parameters),
    ONTOREF_RUN: parts.run,
    ONTOREF_MODE: parts.mode,
    ONTOREF_TASK: parts.task,
    ONTOREF_ACTOR: parts.actor.toLowerCase(),
    ONTOREF_PROVISIONING_ROOT: parts.root,
  };
}
