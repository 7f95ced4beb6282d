// What a component of the catalog is: the schema of component.ncl. Data only; nothing in it is ever given to a shell.
import { parseImage, TARGET_PATTERN } from "@triplane/contract";
import { z } from "zod";

const milliseconds = (max: number) => z.int().min(1).max(max);
const word = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "must be a lower-case word");

/** Also names a component's folder in the catalog. */
export const componentNameField = z.string().regex(TARGET_PATTERN, "must be a component's name");
export const componentVersionField = z.string().regex(/^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$/, "must be a version like 1.0.0");

const settingSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("String"),
    description: z.string().max(200),
    default: z.string().max(1000),
    max_length: z.int().min(1).max(1000),
  }),
  z.strictObject({ type: z.literal("Integer"), description: z.string().max(200), default: z.int(), min: z.int(), max: z.int() }),
  z.strictObject({ type: z.literal("Bool"), description: z.string().max(200), default: z.boolean() }),
  /** The name of a file in the orchestrator's secrets folder: ops and records hold the name, the program gets the path. */
  z.strictObject({ type: z.literal("Secret"), description: z.string().max(200) }),
  /** A container image by its digest, `registry/repository@sha256:…`; there is no default for what shall run. */
  z.strictObject({ type: z.literal("Image"), description: z.string().max(200) }),
]);
export type SettingDefinition = z.infer<typeof settingSchema>;

const probeTimes = {
  interval_ms: milliseconds(60_000),
  /** Successes in a row until the replica counts as healthy. */
  healthy_after: z.int().min(1).max(100),
  /** Failures in a row until a healthy replica is restarted. */
  unhealthy_after: z.int().min(1).max(100),
  /** A replica that is not healthy by then has failed to start. */
  start_timeout_ms: milliseconds(600_000),
};

const healthSchema = z.discriminatedUnion("check", [
  /** GET on loopback; any 2xx is success. */
  z.strictObject({
    check: z.literal("Http"),
    port: word,
    path: z.string().regex(/^\/[\x21-\x7e]{0,200}$/, "must be a path"),
    timeout_ms: milliseconds(60_000),
    ...probeTimes,
  }),
  /** A file in the data folder that the process touches. */
  z.strictObject({
    check: z.literal("Heartbeat"),
    file: z.string().regex(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,63}$/, "must be a plain file name"),
    max_age_ms: milliseconds(600_000),
    ...probeTimes,
  }),
]);
export type HealthDefinition = z.infer<typeof healthSchema>;

const common = {
  name: componentNameField,
  version: componentVersionField,
  description: z.string().min(1).max(300),
  settings: z.record(word, settingSchema),
};

const processDefinitionSchema = z
  .strictObject({
    ...common,
    driver: z.literal("Process"),
    /** argv with placeholders; see launch.ts for the list. */
    command: z.array(z.string().min(1).max(1000)).min(1).max(64),
    /** Names of the TCP ports that each replica gets, on loopback; the first one is its endpoint. */
    ports: z.array(word).max(8),
    /** Variables that are passed on from the orchestrator's environment. Everything else is scrubbed. */
    env: z.array(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, "must be a variable's name")).max(32),
    max_replicas: z.int().min(1).max(32),
    health: healthSchema,
    restart: z.strictObject({
      /** Restarts within the window; one more and the replica is given up. */
      max: z.int().min(0).max(1000),
      window_ms: milliseconds(86_400_000),
      backoff_base_ms: milliseconds(60_000),
      backoff_max_ms: milliseconds(600_000),
    }),
    log: z.strictObject({ max_bytes: z.int().min(4096).max(1_073_741_824), keep: z.int().min(0).max(20) }),
    stop: z.strictObject({ signal: z.enum(["SIGTERM", "SIGINT", "SIGQUIT"]), grace_ms: milliseconds(120_000) }),
  })
  .superRefine((definition, context) => {
    for (const problem of crossProblems(definition)) context.addIssue({ code: "custom", ...problem });
  });
/** A program that runs as supervised processes. */
export type ProcessDefinition = z.infer<typeof processDefinitionSchema>;

/** Settings that others read from a file. */
const fileDefinitionSchema = z.strictObject({ ...common, driver: z.literal("File") }).superRefine((definition, context) => {
  for (const problem of settingProblems(definition.settings)) context.addIssue({ code: "custom", ...problem });
  for (const [name, { type }] of Object.entries(definition.settings))
    if (type === "Secret")
      context.addIssue({ code: "custom", path: ["settings", name], message: "others read the file, so it holds no secret" });
});

export const componentDefinitionSchema = z.discriminatedUnion("driver", [processDefinitionSchema, fileDefinitionSchema]);
export type ComponentDefinition = z.infer<typeof componentDefinitionSchema>;

/** How many replicas an instance may have. A file is one. */
export function maxReplicasOf(definition: ComponentDefinition): number {
  return definition.driver === "Process" ? definition.max_replicas : 1;
}

const PLACEHOLDER = /\{([a-z_][a-z0-9_.-]*)\}/g;
const BUILT_IN = new Set(["port", "data_dir", "component_dir", "node", "instance", "replica"]);

/** Names of the placeholders in one element of the command. */
export function placeholdersOf(element: string): readonly string[] {
  return [...element.matchAll(PLACEHOLDER)].map((match) => match[1] ?? "");
}

interface Crossable {
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly settings: Readonly<Record<string, SettingDefinition>>;
  readonly health: HealthDefinition;
}

interface PlacedMessage {
  readonly path: (string | number)[];
  readonly message: string;
}

function* crossProblems(definition: Crossable): Generator<PlacedMessage> {
  const { command, ports, settings, health } = definition;
  const twice = ports.findIndex((port, index) => ports.indexOf(port) !== index);
  if (twice !== -1) yield { path: ["ports", twice], message: "a name occurs twice" };
  if (health.check === "Http" && !ports.includes(health.port))
    yield { path: ["health", "port"], message: `there is no port ${health.port}` };
  for (const name of Object.keys(settings))
    if (BUILT_IN.has(name)) yield { path: ["settings", name], message: "the name is taken by a placeholder" };
  yield* settingProblems(settings);
  // The program is fixed by the catalog, never by a setting or by the PATH of whoever started us.
  if (!/^(?:\{node\}$|\{tool\.[a-z0-9-]+\}$|\{component_dir\}\/)/.test(command[0] ?? ""))
    yield { path: ["command", 0], message: "must begin with {node}, {tool.NAME} or a file in {component_dir}/" };
  for (const [index, element] of command.entries()) {
    for (const name of placeholdersOf(element)) {
      const path = ["command", index];
      const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
      if (setting === undefined && !isBuiltIn(name, ports)) yield { path, message: `nothing is called {${name}}` };
      // A free-standing text could be read as an option of its own.
      if (setting?.type === "String" && !/^--[a-z0-9-]+=/.test(element))
        yield { path, message: `{${name}} must follow --option= in its element` };
    }
  }
}

function* settingProblems(settings: Crossable["settings"]): Generator<PlacedMessage> {
  for (const [name, setting] of Object.entries(settings)) {
    const message = "default" in setting ? settingProblem(setting, setting.default) : undefined;
    if (message !== undefined) yield { path: ["settings", name, "default"], message };
  }
}

function isBuiltIn(name: string, ports: readonly string[]): boolean {
  if (name === "port") return ports.length > 0;
  if (name.startsWith("port.")) return ports.includes(name.slice("port.".length));
  return BUILT_IN.has(name) || /^tool\.[a-z0-9-]+$/.test(name);
}

/** Names of files in the secrets folder. */
export const SECRET_NAME: RegExp = /^[a-z][a-z0-9-]{0,62}$/;

export type SettingValue = string | number | boolean;

/** Why a value does not fit its definition, or undefined if it does. Never tells the value: somebody may have put a secret there. */
export function settingProblem(setting: SettingDefinition, value: unknown): string | undefined {
  switch (setting.type) {
    case "String":
      if (typeof value !== "string") return "must be text";
      if (value.length > setting.max_length) return `must not be longer than ${setting.max_length} characters`;
      return /\p{Cc}/u.test(value) ? "must not hold control characters" : undefined;
    case "Integer":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return "must be an integer";
      return value < setting.min || value > setting.max ? `must be from ${setting.min} to ${setting.max}` : undefined;
    case "Bool":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "Secret":
      return typeof value === "string" && SECRET_NAME.test(value) ? undefined : "must be the name of a secret, never the secret itself";
    case "Image":
      return typeof value === "string" && parseImage(value) !== undefined
        ? undefined
        : "must be an image by digest: registry/repository@sha256:…";
  }
}
