// Configuration as data: each option with its schema, flag, environment variable and description; what runs, --help and docs all read it.
import type { z } from "zod";
import { COMMON_OPTIONS, type CommonOptions } from "./common.ts";
import type { Option } from "./option.ts";

export type OptionTable = Readonly<Record<string, Option>>;

/** The resolved values of a table. */
export type ValuesOf<T extends OptionTable> = { readonly [K in keyof T]: z.output<T[K]["schema"]> };

export interface ConfigDefinition<T extends OptionTable = OptionTable> {
  /** The program as people type it. */
  readonly program: string;
  readonly summary: string;
  /** Begins the name of every variable, e.g. `TRIPLANE_KEEPER`. */
  readonly envPrefix: string;
  readonly options: T;
  /** Rules across options; each returned line is one problem. Called only when every option by itself is right. */
  rules?(values: ValuesOf<T>): readonly string[];
}

/**
 * Declares the options of a daemon; those that every daemon has are added.
 *
 * @example
 * export const CONFIG = defineConfig({
 *   program: "keeper-daemon",
 *   summary: "Decides the ops of one workspace under its policy.",
 *   envPrefix: "TRIPLANE_KEEPER",
 *   options: { keyFile: option(text(), { description: "The keeper's signing key.", placeholder: "FILE" }) },
 * });
 */
export function defineConfig<const T extends OptionTable>(definition: ConfigDefinition<T>): ConfigDefinition<T & CommonOptions> {
  return { ...definition, options: { ...definition.options, ...COMMON_OPTIONS } };
}

/** The flag of an option, without dashes. A secret's flag names a file. */
export function flagOf(name: string, spec: Option): string {
  const base = spec.flag ?? name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return spec.secret === true ? `${base}-file` : base;
}

/** The variable of an option. A secret's value may also be in the file that `<variable>_FILE` names. */
export function envOf(name: string, spec: Option, envPrefix: string): string {
  return spec.env ?? `${envPrefix}_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Whether a configuration without this option is wrong. */
export function isRequired(spec: Option): boolean {
  return !spec.schema.safeParse(undefined).success;
}
