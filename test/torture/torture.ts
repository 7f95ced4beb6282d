// One campaign from beginning to end: draws the plan, builds the arena, runs, keeps the state if something broke, leaves nothing else.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Arena } from "./arena.ts";
import { type CampaignResult, runCampaign, type Told } from "./campaign.ts";
import { drawPlan, type PlanOptions } from "./plan.ts";
import { survived } from "./report.ts";

export interface Tortured {
  readonly result: CampaignResult;
  /** Where the state of a workspace that did not survive was copied to. */
  readonly kept: string | undefined;
}

export async function torture(options: PlanOptions, told: Told, keepIn?: string): Promise<Tortured> {
  const plan = drawPlan(options);
  const arena = await Arena.create();
  let kept: string | undefined = keepIn;
  // Whoever interrupts a campaign must not find its disks mounted and its processes running.
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort(new Error("told to stop"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    if (arena.noDisks !== undefined) told.line(`NO DISKS of their own for the daemons: ${arena.noDisks}`);
    await arena.start();
    const result = await runCampaign(arena, plan, told, interrupted.signal);
    if (!survived(result)) kept ??= await mkdtemp(join(tmpdir(), "triplane-tortured-"));
    return { result, kept: survived(result) ? keepIn : kept };
  } catch (error) {
    if (interrupted.signal.aborted) throw error;
    kept ??= await mkdtemp(join(tmpdir(), "triplane-tortured-"));
    told.line(`the campaign broke off; the state is kept in ${kept}`);
    throw error;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeListener(signal, stop);
    const left = await arena.close(kept);
    for (const line of left) told.line(`left behind: ${line}`);
  }
}
