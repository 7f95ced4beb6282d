// What goes wrong, as data: which calls a fault meets, how often, and what it does to them.
import { z } from "zod";

const MAX_MS = 3_600_000;
const code = z.string().regex(/^[a-z_]{1,64}$/);
const headers = z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), z.string().regex(/^[\x20-\x7e]{0,1000}$/)).default({});

/** All that are given have to fit. `*` stands for anything. */
const when = z.strictObject({
  /** `GET`, `POST`, `PUT`, `DELETE`. */
  method: z.string().optional(),
  /** Without `/v1`: `/servers`, `/servers/*`, `/servers/*\/actions/create_image`. */
  path: z.string().max(200).optional(),
  /** Name of the server type that is asked for. */
  server_type: z.string().max(64).optional(),
  location: z.string().max(64).optional(),
  /** Name of the server that is made or meant. */
  name: z.string().max(253).optional(),
  /** Of an action: `create_server`, `start_server`, `create_image`, `delete_server`. */
  command: z.string().max(64).optional(),
});

const common = {
  /** Given by the simulator if it is absent. */
  id: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional(),
  when: when.default({}),
  /** How many calls it meets; `always` has no end. */
  times: z.union([z.int().min(1).max(1_000_000), z.literal("always")]).optional(),
  /** How many that fit are let through first. */
  skip: z.int().min(0).max(1_000_000).default(0),
};

export const faultSchema = z.discriminatedUnion("do", [
  /** An error of the API; the status goes with the code unless it is given. The call has no effect. */
  z.strictObject({
    ...common,
    ...{ do: z.literal("error"), code, status: z.int().min(400).max(599).optional(), message: z.string().max(1000).optional() },
    ...{ details: z.unknown().optional(), headers },
  }),
  /** The connection is cut: `before` the call has an effect, or `after` it had one and instead of the answer. */
  z.strictObject({ ...common, do: z.literal("cut"), point: z.enum(["before", "after"]).default("after") }),
  /** Any answer at all: HTML, a redirect, half a JSON. The call has no effect. */
  z.strictObject({
    ...common,
    do: z.literal("answer"),
    status: z.int().min(200).max(599),
    headers,
    body: z.string().max(1_000_000).default(""),
  }),
  /** The answer comes this many real milliseconds later. */
  z.strictObject({ ...common, do: z.literal("wait"), ms: z.int().min(0).max(MAX_MS) }),
  /** The action that the call makes never ends. */
  z.strictObject({ ...common, do: z.literal("stick") }),
  /** The action that the call makes ends in this error. */
  z.strictObject({ ...common, do: z.literal("fail"), code, message: z.string().max(1000).default("action failed") }),
  /** The action that the call makes takes this many real milliseconds more. */
  z.strictObject({
    ...common,
    do: z.literal("slow"),
    ms: z
      .int()
      .min(1)
      .max(24 * MAX_MS),
  }),
  /** No page of a list has more entries than this, whatever `per_page` asks for. */
  z.strictObject({ ...common, do: z.literal("page_size"), size: z.int().min(1).max(50) }),
  /** The type cannot be had at the place: it is listed as unavailable, and creating answers `resource_unavailable`. */
  z.strictObject({ ...common, do: z.literal("sold_out") }),
  /** The same, but it is still listed as available: who asks finds out. */
  z.strictObject({ ...common, do: z.literal("unavailable") }),
  /** The type is listed as deprecated at the place, and creating answers `invalid_server_type`. */
  z.strictObject({ ...common, do: z.literal("deprecate") }),
]);
export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;
export type FaultKind = Fault["do"];

export const faultsSchema = z.union([z.array(faultSchema).max(1000), faultSchema.transform((one) => [one])]);

/** Faults that stay until they are taken away, unless `times` says otherwise; the others meet one call. */
const STANDING: readonly FaultKind[] = ["page_size", "sold_out", "unavailable", "deprecate"];

/** What a fault is matched against. */
export interface Facts {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly server_type?: string | undefined;
  readonly location?: string | undefined;
  readonly name?: string | undefined;
  readonly command?: string | undefined;
}

interface Scripted {
  readonly fault: Fault & { readonly id: string };
  left: number;
  skip: number;
}

export class FaultScript {
  #scripted: Scripted[] = [];
  #nextId = 1;

  add(fault: Fault): string {
    const id = fault.id ?? `fault-${this.#nextId++}`;
    const times = fault.times ?? (STANDING.includes(fault.do) ? "always" : 1);
    this.#scripted.push({ fault: { ...fault, id }, left: times === "always" ? Number.POSITIVE_INFINITY : times, skip: fault.skip });
    return id;
  }

  /** Whether there was one. */
  remove(id: string): boolean {
    const before = this.#scripted.length;
    this.#scripted = this.#scripted.filter(({ fault }) => fault.id !== id);
    return this.#scripted.length < before;
  }

  clear(): void {
    this.#scripted = [];
  }

  /** What is still to come, in order. */
  list(): readonly unknown[] {
    return this.#scripted.map(({ fault, left }) => ({ ...fault, left: left === Number.POSITIVE_INFINITY ? "always" : left }));
  }

  /** The first fault of these kinds that meets this, counted as met. */
  take<K extends FaultKind>(kinds: readonly K[], facts: Facts): Extract<Fault, { do: K }> | undefined {
    for (const each of this.#scripted) {
      if (!isOneOf(each.fault, kinds) || !fits(each.fault, facts)) continue;
      if (each.skip > 0) {
        each.skip -= 1;
        continue;
      }
      each.left -= 1;
      if (each.left <= 0) this.#scripted = this.#scripted.filter((other) => other !== each);
      return each.fault;
    }
    return undefined;
  }

  /** The same without counting. */
  standing<K extends FaultKind>(kinds: readonly K[], facts: Facts): Extract<Fault, { do: K }> | undefined {
    return this.#scripted
      .map(({ fault }) => fault)
      .find((fault): fault is Extract<Scripted["fault"], { do: K }> => isOneOf(fault, kinds) && fits(fault, facts));
  }
}

function isOneOf<K extends FaultKind>(fault: Fault, kinds: readonly K[]): fault is Extract<Fault, { do: K }> {
  return kinds.some((kind) => kind === fault.do);
}

function fits(fault: Fault, facts: Facts): boolean {
  return Object.entries(fault.when).every(([key, pattern]) => {
    if (pattern === undefined) return true;
    const value = facts[key as keyof Facts];
    return value !== undefined && like(pattern, value);
  });
}

/** `*` stands for any text. Linear in the text: no expression is built from what somebody wrote. */
function like(pattern: string, value: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return value === pattern;
  if (!value.startsWith(first)) return false;
  const last = rest.pop() ?? "";
  let at = first.length;
  for (const piece of rest) {
    const found = value.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return value.length - last.length >= at && value.endsWith(last);
}
