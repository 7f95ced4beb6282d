// The option that almost every command has, and what commands do with it.
import type { CommandContext } from "../framework/command.ts";
import { text } from "../framework/parameters.ts";
import { type HomeLayout, homeFolder, homeLayout } from "../home/layout.ts";
import { readWorkspaceFile, type WorkspaceFile } from "../home/workspace-file.ts";

export const homeOption = text("DIR", "Home folder of the local workspace (default: TRIPLANE_HOME, else ./.triplane)").optional();

export function layoutFor(home: string | undefined, context: CommandContext): HomeLayout {
  return homeLayout(homeFolder(home, context.env, context.cwd));
}

export interface OpenHome {
  readonly layout: HomeLayout;
  readonly workspace: WorkspaceFile;
}

/** Throws `home_missing`. */
export async function openHome(home: string | undefined, context: CommandContext): Promise<OpenHome> {
  const layout = layoutFor(home, context);
  return { layout, workspace: await readWorkspaceFile(layout) };
}
