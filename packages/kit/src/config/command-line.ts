// Reads the flags of a daemon: `--flag value`, `--flag=value`, toggles, and the three flags that every daemon has.
import { type ConfigDefinition, flagOf } from "./define.ts";

export interface CommandLine {
  /** Option name to the text that was given; for a secret, the path of its file. */
  readonly values: ReadonlyMap<string, string>;
  readonly configFile: string | undefined;
  readonly help: boolean;
  readonly check: boolean;
  readonly problems: readonly string[];
}

export function parseCommandLine(definition: ConfigDefinition, argv: readonly string[]): CommandLine {
  const byFlag = new Map(Object.entries(definition.options).map(([name, spec]) => [flagOf(name, spec), { name, spec }]));
  const values = new Map<string, string>();
  const problems: string[] = [];
  let configFile: string | undefined;
  let help = false;
  let check = false;

  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (!argument.startsWith("--") || argument === "--") {
      if (argument === "-h") help = true;
      else problems.push(`${JSON.stringify(argument)}: ${definition.program} takes flags only`);
      continue;
    }
    const equals = argument.indexOf("=");
    const flag = argument.slice(2, equals === -1 ? undefined : equals);
    const attached = equals === -1 ? undefined : argument.slice(equals + 1);
    const takeValue = (): string | undefined => {
      if (attached !== undefined) return attached;
      const next = argv[index + 1];
      if (next === undefined || next.startsWith("--")) {
        problems.push(`--${flag}: a value is missing`);
        return undefined;
      }
      index += 1;
      return next;
    };

    if (flag === "help") help = true;
    else if (flag === "check") check = true;
    else if (flag === "config") configFile = takeValue() ?? configFile;
    else {
      const known = byFlag.get(flag);
      if (known === undefined) {
        problems.push(`--${flag}: there is no such flag`);
        continue;
      }
      if (values.has(known.name)) problems.push(`--${flag}: given twice`);
      const value = known.spec.toggle === true ? (attached ?? "true") : takeValue();
      if (value !== undefined) values.set(known.name, value);
    }
  }
  return { values, configFile, help, check, problems };
}
