// triplane build DIR: an image built on a machine of the pool. The settings are the launcher's own; their flags are made from its description.
import { CONFIG, EXIT_CODES_HELP, processStreams, runLauncher } from "@triplane/buildkit-launcher";
import { flagOf, isRequired, type Option } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";

const { context, ...OPTIONS } = CONFIG.options;
const entries = Object.entries<Option>(OPTIONS);

/** The framework's view of an option: text that the launcher itself will judge, together with its variables and its file. */
function optionOf(spec: Option) {
  const description = spec.description.replace(/\.$/, "");
  if (spec.toggle === true) return flag(description);
  return text(
    spec.secret === true ? "FILE" : (spec.placeholder ?? "VALUE"),
    `${description}${isRequired(spec) ? " (required)" : ""}`,
  ).optional();
}

const nameOf = (name: string, spec: Option): string => (spec.secret === true ? `${name}File` : name);

export const build = defineCommand({
  description: `Sizes a machine for the repository, copies the folder there, builds with the cache of former builds, pushes, and gives the machine back, whatever happens. Each option is also a variable TRIPLANE_BUILD_… (docs/reference/builds.md).\n\n${EXIT_CODES_HELP}`,
  args: z.strictObject({ dir: text("DIR", context.description.replace(/\.$/, "")).optional() }),
  options: z.strictObject({
    ...Object.fromEntries(entries.map(([name, spec]) => [nameOf(name, spec), optionOf(spec)])),
    json: flag("Print events as one JSON object per line, the receipt last"),
  }),
  json: false,
  examples: [
    { command: "triplane build . --repo acme/shop --tags 1.4,latest", what: "build the Dockerfile here and push images/acme/shop" },
    { command: "triplane build . --repo acme/shop --dry-run", what: "show the size and its reason, and do nothing" },
  ],
  run: async ({ args, options }, { env, cwd }) => {
    const given: Readonly<Record<string, unknown>> = options;
    const argv = entries.flatMap(([name, spec]): readonly string[] => {
      const value = given[nameOf(name, spec)];
      if (value === undefined || value === false) return [];
      return [value === true ? `--${flagOf(name, spec)}` : `--${flagOf(name, spec)}=${String(value)}`];
    });
    const where = args.dir === undefined ? [] : [`--context=${args.dir}`];
    return { exitCode: await runLauncher([...where, ...argv, ...(given["json"] === true ? ["--json"] : [])], env, processStreams, cwd) };
  },
  render: () => "",
  exitCode: ({ exitCode }) => exitCode,
});
