// Our side of two rows: ops from the operator's signature to the ledger, in a workspace whose durability was proven first.
import { bySize, type RowContext } from "../harness/row.ts";
import { closedLoop, type LoopResult } from "./closed-loop.ts";
import { type Durability, proveDurable } from "./durability.ts";
import { processorMsPerOp } from "./processor-time.ts";
import { Workspace } from "./workspace.ts";

export interface EndToEnd extends LoopResult {
  readonly durability: Durability;
  /** Milliseconds of processor time for one op, by process; git and what else a daemon starts is the daemon's. */
  readonly processorMs: ReadonlyMap<string, number>;
}

export async function measureEndToEnd(context: RowContext): Promise<EndToEnd> {
  const { signal, progress } = context;
  await using workspace = await Workspace.start({ signal });
  const durability = await proveDurable(workspace);
  const times = bySize(context, {
    full: { inFlight: 1500, warmUpMs: 5_000, measureMs: 20_000 },
    quick: { inFlight: 1500, warmUpMs: 3_000, measureMs: 8_000 },
    tiny: { inFlight: 40, warmUpMs: 500, measureMs: 4_000 },
  });
  const processes = new Map([...workspace.processes, ["operator", process.pid] as const]);
  const { result, perOp } = await processorMsPerOp(processes, () => closedLoop(workspace, { ...times, signal, progress }));
  if (result.applied !== result.ops) throw new Error(`only ${result.applied} of ${result.ops} ops were applied`);
  return { ...result, durability, processorMs: perOp };
}
