// workspace.json: what a home knows about its workspace: pins, people, ports. No secrets.
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { z } from "zod";
import type { HomeLayout } from "./layout.ts";

const pinSchema = z.strictObject({ rid: z.string(), identityRoot: z.string() });
const portSchema = z.int().min(1).max(65_535);

export const workspaceFileSchema = z.strictObject({
  format: z.literal(1),
  workspace: z.string(),
  /** Everything on one machine, all keys in one folder: for learning. */
  purpose: z.literal("local"),
  created: z.iso.datetime(),
  pins: z.strictObject({ policy: pinSchema, desired: pinSchema, state: pinSchema, controller: z.string() }),
  people: z.strictObject({
    operators: z.array(z.string()).min(1),
    agents: z.array(z.string()),
    automations: z.array(z.string()),
  }),
  ports: z.strictObject({
    nats: portSchema,
    orchestrator: portSchema,
    orchestratorHealth: portSchema,
    controllerHealth: portSchema,
    mirrorHealth: portSchema,
    keeperHealth: portSchema,
    desiredSyncHealth: portSchema,
    /** Absent in homes from before there was a validator. */
    validatorHealth: portSchema.optional(),
    componentsFrom: portSchema,
    componentsTo: portSchema,
  }),
  /** Where the catalog of components is read from. */
  catalog: z.string(),
});
export type WorkspaceFile = z.infer<typeof workspaceFileSchema>;

/** Throws `home_missing` if there is no workspace, `config_invalid` if its file does not read. */
export async function readWorkspaceFile(layout: HomeLayout): Promise<WorkspaceFile> {
  const text = await readFileIfThere(layout.workspaceFile);
  if (text === undefined) throw new TriplaneError("home_missing", `${layout.root} holds no workspace`);
  try {
    return workspaceFileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new TriplaneError("config_invalid", `${layout.workspaceFile} does not read as a workspace file`, {
      cause: error,
      hint: "If another version of Triplane made it, make a new home with `triplane init`.",
    });
  }
}

export async function writeWorkspaceFile(layout: HomeLayout, workspace: WorkspaceFile): Promise<void> {
  await atomicWriteFile(layout.workspaceFile, `${JSON.stringify(workspaceFileSchema.parse(workspace), null, 2)}\n`);
}

/** An op's audience, as all signed objects of this workspace have it. */
export function audienceOf(workspace: WorkspaceFile): { readonly workspace: string; readonly policyRid: string } {
  return { workspace: workspace.workspace, policyRid: workspace.pins.policy.rid };
}

/** The bus's address. */
export function natsUrl(workspace: WorkspaceFile): string {
  return `nats://127.0.0.1:${workspace.ports.nats}`;
}
