// Keeps the books of one build from its rawjson lines: events as they happen, and the sums at the end. Pure.
//
// 1. Every text that leaves is cleaned and has its secrets taken out.
// 2. A cache that is not there is a cold cache, and one that cannot be written costs the next build: neither is an error of this one.
import { cleanLine } from "./clean-text.ts";
import type { BuildEvent, RunningStep } from "./events.ts";
import { coveredSeconds, type Interval } from "./intervals.ts";
import { type Part, parseStatus, type SolveStatus, type Vertex } from "./rawjson.ts";

export interface BuildSums {
  /** Instructions of the Dockerfile that ran or were taken from the cache. */
  readonly steps: number;
  readonly cachedSteps: number;
  readonly pushSeconds: number;
  /** Import and export, without what the push covers. */
  readonly cacheSeconds: number;
  readonly errorText: string;
}

interface Step {
  readonly number: number;
  readonly name: string;
  readonly isInstruction: boolean;
  startedMs: number;
  endedMs: number | undefined;
  cached: boolean;
  /** Whether it was told of: BuildKit tells of a step again for each one that has the same content. */
  toldCached: boolean;
  readonly lines: string[];
  readonly parts: Map<string, Part>;
}

/** `[2/3] RUN …`, `[base 2/3] …`, `[linux/amd64 base 2/3] …`. */
const INSTRUCTION = /^\[(?!internal\])[^\]]*\d+\/\d+\] /;
const IMPORT_CACHE = /^importing cache manifest from /;
const EXPORT_CACHE = /^exporting cache/;
const PUSH = /^pushing /;
const MAX_LINE_CHARS = 4000;
const MAX_ERROR_CHARS = 64 * 1024;
const KEPT_LINES = 20;
const DISK = /no space left on device/i;

export class StepBook {
  readonly #redact: (text: string) => string;
  readonly #steps = new Map<string, Step>();
  readonly #rests = new Map<string, { bytes: Buffer; step: number; stream: "stdout" | "stderr" }>();
  readonly #pushes = new Map<string, Interval>();
  readonly #caches = new Map<string, Interval>();
  #errorText = "";
  #latestMs: number | undefined;

  constructor(redact: (text: string) => string = (text) => text) {
    this.#redact = redact;
  }

  /** One line that buildctl wrote to standard error. */
  take(line: string): readonly BuildEvent[] {
    const status = parseStatus(line);
    if (status !== undefined) return this.#takeStatus(status);
    const text = this.#clean(line);
    if (text.trim() === "") return [];
    this.#addError(text);
    return [{ event: "text", line: text }];
  }

  /** What was printed without an end of line. */
  finish(): readonly BuildEvent[] {
    const events = [...this.#rests.values()].filter(({ bytes }) => bytes.length > 0);
    this.#rests.clear();
    return events.map(({ bytes, step, stream }) => this.#output(step, stream, bytes.toString("utf8")));
  }

  running(): readonly RunningStep[] {
    return [...this.#steps.values()]
      .filter(({ endedMs }) => endedMs === undefined)
      .map(({ number, name, startedMs, lines, parts }) => ({
        ...{ step: number, name, startedMs, lines },
        parts: [...parts.values()].filter(({ completed, total }) => completed === undefined && total > 0),
      }));
  }

  /** What a step printed last. */
  linesOf(step: number): readonly string[] {
    return [...this.#steps.values()].find(({ number }) => number === step)?.lines ?? [];
  }

  /** The latest moment that was told of, by the runner's clock. */
  get latestMs(): number | undefined {
    return this.#latestMs;
  }

  sums(): BuildSums {
    const instructions = [...this.#steps.values()].filter(({ isInstruction }) => isInstruction);
    const pushes = [...this.#pushes.values()];
    const pushSeconds = coveredSeconds(pushes);
    return {
      steps: instructions.length,
      cachedSteps: instructions.filter(({ cached }) => cached).length,
      pushSeconds,
      cacheSeconds: coveredSeconds([...pushes, ...this.#caches.values()]) - pushSeconds,
      errorText: this.#errorText,
    };
  }

  #takeStatus({ vertexes, statuses, logs, warnings }: SolveStatus): readonly BuildEvent[] {
    return [
      ...vertexes.flatMap((vertex) => this.#takeVertex(vertex)),
      ...statuses.flatMap((part) => this.#takePart(part)),
      ...logs.flatMap(({ vertex, stream, data }) => this.#takeOutput(vertex, stream === 2 ? "stderr" : "stdout", data)),
      ...warnings.map(
        ({ vertex, short }): BuildEvent => ({ event: "warning", step: this.#steps.get(vertex)?.number, text: this.#clean(short) }),
      ),
    ];
  }

  #takeVertex(vertex: Vertex): readonly BuildEvent[] {
    if (vertex.started === undefined) return [];
    this.#latestMs = Math.max(this.#latestMs ?? 0, vertex.completed ?? vertex.started);
    const known = this.#steps.get(vertex.digest);
    const step = known ?? this.#newStep(vertex, vertex.started);
    const events: BuildEvent[] = known === undefined ? [{ event: "step", step: step.number, name: step.name, state: "started" }] : [];
    step.startedMs = Math.min(step.startedMs, vertex.started);
    step.cached ||= vertex.cached;
    if (vertex.completed === undefined) {
      // BuildKit says of some steps that they are done, and then goes on with them.
      step.endedMs = undefined;
      return events;
    }
    step.endedMs = vertex.completed;
    if (IMPORT_CACHE.test(step.name) || EXPORT_CACHE.test(step.name))
      this.#caches.set(vertex.digest, { fromMs: step.startedMs, toMs: vertex.completed });
    return [...events, ...this.#ended(step, vertex)];
  }

  #newStep(vertex: Vertex, startedMs: number): Step {
    const name = this.#clean(vertex.name);
    const step: Step = {
      ...{ number: this.#steps.size + 1, name, isInstruction: INSTRUCTION.test(name) },
      ...{ startedMs, endedMs: undefined, cached: false, toldCached: false, lines: [], parts: new Map() },
    };
    this.#steps.set(vertex.digest, step);
    return step;
  }

  #ended(step: Step, vertex: Vertex): readonly BuildEvent[] {
    const about = { event: "step", step: step.number, name: step.name, seconds: ((step.endedMs ?? 0) - step.startedMs) / 1000 } as const;
    const imports = IMPORT_CACHE.test(step.name);
    if (vertex.error === "") {
      if (step.cached && step.toldCached) return [];
      step.toldCached = step.cached;
      const end: BuildEvent = { ...about, state: step.cached ? "cached" : "done" };
      return imports ? [end, { event: "cache", found: true }] : [end];
    }
    const error = this.#clean(vertex.error);
    if (imports)
      return [
        { ...about, state: "stopped" },
        { event: "cache", found: false },
      ];
    if (/context canceled$/.test(error)) return [{ ...about, state: "stopped" }];
    if (EXPORT_CACHE.test(step.name))
      return [
        { ...about, state: "stopped" },
        { event: "warning", step: step.number, text: `the cache could not be written: ${error}` },
      ];
    this.#addError(error);
    // The step's program says that the disk is full; BuildKit only says how it exited.
    const full = step.lines.find((line) => DISK.test(line));
    if (full !== undefined) this.#addError(full);
    return [{ ...about, state: "failed", error }];
  }

  #takePart(part: Part): readonly BuildEvent[] {
    const step = this.#steps.get(part.vertex);
    if (step === undefined) return [];
    step.parts.set(part.id, { ...part, id: this.#clean(part.id) });
    if (PUSH.test(part.id) && part.started !== undefined && part.completed !== undefined)
      this.#pushes.set(`${part.vertex} ${part.id} ${part.started}`, { fromMs: part.started, toMs: part.completed });
    return [];
  }

  #takeOutput(vertex: string, stream: "stdout" | "stderr", data: Buffer): readonly BuildEvent[] {
    const step = this.#steps.get(vertex);
    if (step === undefined) return [];
    const key = `${vertex} ${stream}`;
    const lines: string[] = [];
    let rest = Buffer.concat([this.#rests.get(key)?.bytes ?? Buffer.alloc(0), data]);
    for (;;) {
      const end = rest.indexOf(10);
      const cut = end === -1 && rest.length > MAX_LINE_CHARS ? MAX_LINE_CHARS : end;
      if (cut === -1) break;
      lines.push(rest.subarray(0, cut).toString("utf8"));
      rest = rest.subarray(end === -1 ? cut : cut + 1);
    }
    this.#rests.set(key, { bytes: rest, step: step.number, stream });
    const events = lines.map((line) => this.#output(step.number, stream, line));
    step.lines.push(...events.map(({ line }) => line));
    step.lines.splice(0, Math.max(0, step.lines.length - KEPT_LINES));
    return events;
  }

  #output(step: number, stream: "stdout" | "stderr", line: string): BuildEvent & { readonly line: string } {
    return { event: "output", step, stream, line: this.#clean(line) };
  }

  #clean(text: string): string {
    return cleanLine(this.#redact(text.replaceAll("\n", " ")));
  }

  #addError(text: string): void {
    this.#errorText = `${this.#errorText}${text}\n`.slice(-MAX_ERROR_CHARS);
  }
}
