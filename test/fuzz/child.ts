// Feeds one door in a process of its own, so that a crash, a hang or a full memory ends this one only. Talks to its parent in JSON lines.
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Door, enter } from "./door.ts";
import { DOORS } from "./doors/index.ts";
import { Dice, mutate } from "./mutate.ts";

/** What the parent wants: a door, a seed and for how long; or one input again. */
interface Wanted {
  readonly door: string;
  readonly seed: number;
  readonly ms: number;
  /** Where the input in hand is kept, for the case that this process does not come back from it. */
  readonly inputFile: string;
  readonly only?: string;
  /** A module with a door under its name instead of one of ours; for tests of the harness. */
  readonly module?: string;
}

const TELL_EVERY_MS = 500;
/** Inputs that came to something new are mutated further; no more than this. */
const MAX_CORPUS = 400;

const wanted = JSON.parse(process.argv[2] ?? "{}") as Wanted;
const tell = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

async function openDoor(): Promise<Door> {
  const make =
    wanted.module === undefined ? DOORS[wanted.door] : ((await import(wanted.module)) as Record<string, () => Door>)[wanted.door];
  if (make === undefined) throw new Error(`there is no door ${wanted.door}`);
  return await make();
}

async function feed(door: Door): Promise<void> {
  const dice = new Dice(wanted.seed);
  const corpus = [...door.seeds];
  const outcomes = new Map<string, number>();
  const file = openSync(wanted.inputFile, "w", 0o600);
  const startedMs = performance.now();
  let toldMs = startedMs;
  let inputs = 0;
  const report = (): void => tell({ kind: "progress", inputs, outcomes: Object.fromEntries(outcomes), corpus: corpus.length });
  while (performance.now() - startedMs < wanted.ms) {
    const input = inputs < door.seeds.length ? (door.seeds[inputs] ?? new Uint8Array()) : mutate(corpus, dice, door.words ?? []);
    ftruncateSync(file, 0);
    writeSync(file, input, 0, input.length, 0);
    inputs += 1;
    const outcome = await enter(door, input);
    const isNew = !outcomes.has(outcome);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if ((isNew || (outcome === "accepted" && dice.below(50) === 0)) && corpus.length < MAX_CORPUS) corpus.push(input);
    if (performance.now() - toldMs > TELL_EVERY_MS) {
      toldMs = performance.now();
      report();
      // Synchronous doors would otherwise never let the line out.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  closeSync(file);
  report();
}

const door = await openDoor();
try {
  tell({ kind: "ready" });
  if (wanted.only === undefined) await feed(door);
  else tell({ kind: "progress", inputs: 1, outcomes: { [await enter(door, readFileSync(wanted.only))]: 1 }, corpus: 0 });
  tell({ kind: "done" });
} catch (error) {
  tell({ kind: "defect", error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
} finally {
  await door.close?.();
}
process.exit(0);
