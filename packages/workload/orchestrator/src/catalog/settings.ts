// Settings of a component: what an op gives, checked against the catalog and completed with defaults.
import { TriplaneError } from "@triplane/contract";
import type { ComponentDefinition, SettingValue } from "./definition.ts";
import { settingProblem } from "./definition.ts";

export type Settings = { readonly [name: string]: SettingValue };

/** Every setting of the component, with a value. Throws `args_invalid` naming every setting that is wrong. */
export function resolveSettings(definition: ComponentDefinition, given: Readonly<Record<string, unknown>>): Settings {
  const problems: string[] = [];
  const resolved: Record<string, SettingValue> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(definition.settings, name)) problems.push(`settings.${name}: ${definition.name} has no such setting`);
  }
  for (const [name, setting] of Object.entries(definition.settings)) {
    const value = Object.hasOwn(given, name) || !("default" in setting) ? given[name] : setting.default;
    const problem = settingProblem(setting, value);
    if (problem === undefined) resolved[name] = value as SettingValue;
    else problems.push(`settings.${name}: ${problem}`);
  }
  if (problems.length > 0) throw new TriplaneError("args_invalid", problems.join("; "), { details: { problems } });
  return resolved;
}
