// Starting a replica's process: its command line and environment come from the catalog; no shell, nothing inherited that is not listed.
//
// Placeholders of a command: {node} this Node, {tool.NAME} an installed tool, {component_dir} the release, {data_dir} the replica's
// folder, {port} its first port, {port.NAME} a named one, {instance} the target, {replica} its number, and the name of any setting;
// of a secret that is the path of its file: what stands on a command line, everybody on the machine can read.
import { type ChildProcess, spawn } from "node:child_process";
import { basename, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type ProcessDefinition, placeholdersOf } from "../../catalog/definition.ts";
import type { Settings } from "../../catalog/settings.ts";
import { MARKER_VARIABLE } from "./process-table.ts";

export interface LaunchPlan {
  readonly definition: ProcessDefinition;
  readonly target: string;
  readonly replica: number;
  readonly marker: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly settings: Settings;
  readonly componentDir: string;
  readonly dataDir: string;
}

export interface LaunchHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly node: string;
  /** Path of an installed tool. Throws `tool_missing`. */
  readonly tool: (name: string) => Promise<string>;
  readonly secretsDir: string;
}

export async function argvOf(plan: LaunchPlan, host: LaunchHost): Promise<readonly string[]> {
  const values = new Map<string, string>(Object.entries(plan.settings).map(([name, value]) => [name, String(value)]));
  for (const [name, { type }] of Object.entries(plan.definition.settings))
    if (type === "Secret") values.set(name, join(host.secretsDir, basename(String(plan.settings[name]))));
  const fixed = { node: host.node, component_dir: plan.componentDir, data_dir: plan.dataDir, instance: plan.target, replica: plan.replica };
  for (const [name, value] of Object.entries(fixed)) values.set(name, String(value));
  for (const [name, value] of Object.entries(plan.ports)) values.set(`port.${name}`, String(value));
  const [firstPort] = plan.definition.ports;
  if (firstPort !== undefined) values.set("port", String(plan.ports[firstPort] ?? ""));
  for (const name of new Set(plan.definition.command.flatMap(placeholdersOf))) {
    if (name.startsWith("tool.")) values.set(name, await host.tool(name.slice("tool.".length)));
  }
  // One pass: what a value holds is never looked at for placeholders again.
  return plan.definition.command.map((element) =>
    element.replaceAll(/\{([a-z_][a-z0-9_.-]*)\}/g, (whole, name) => values.get(name) ?? whole),
  );
}

export function environmentOf(plan: LaunchPlan, host: LaunchHost): Record<string, string> {
  const environment: Record<string, string> = { TRIPLANE_INSTANCE: plan.target, [MARKER_VARIABLE]: plan.marker };
  for (const name of plan.definition.env) {
    const value = host.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** Starts the process as leader of its own group, so that it outlives this one; its output goes to the open file. Throws `apply_failed`. */
export async function launch(plan: LaunchPlan, host: LaunchHost, logFd: number): Promise<ChildProcess> {
  const [program = "", ...args] = await argvOf(plan, host);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: plan.dataDir,
      env: environmentOf(plan, host),
      detached: true,
      shell: false,
      stdio: ["ignore", logFd, logFd],
    });
    child.once("spawn", () => {
      child.unref();
      resolve(child);
    });
    child.once("error", (cause) =>
      reject(new TriplaneError("apply_failed", `${plan.target}: the program does not start: ${cause.message}`, { cause })),
    );
  });
}
