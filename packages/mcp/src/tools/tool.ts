// A tool as a value: what it is called, what it takes and gives, what it does. The list, the checks and the reference page are made from these.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import type { Desk } from "../ports.ts";

/** What a call brings along besides its arguments. */
export interface Call {
  /** Fires when the caller cancels or goes away. */
  readonly signal: AbortSignal;
  /** Tells the caller, if it asked to be told, that something happened meanwhile. */
  progress(message: string): void;
}

/** Hints by which clients decide when to ask their person; none of them is believed by anything of ours. */
export interface Hints {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** Looks, and changes nothing. */
export const LOOKS: Hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
/** Adds something of the agent's own. */
export const ADDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false };

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly hints: Hints;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /** Throws `tool_input_invalid`, and what the desk throws. */
  call(desk: Desk, args: unknown, call: Call): Promise<Readonly<Record<string, unknown>>>;
}

export interface ToolSpec<In extends z.ZodObject, Out extends z.ZodObject> extends Omit<Tool, "call" | "input" | "output"> {
  readonly input: In;
  readonly output: Out;
  run(desk: Desk, input: z.output<In>, call: Call): Promise<DeepReadonly<z.input<Out>>>;
}

/** zod's types are not readonly; what they describe may be. */
type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

export function defineTool<In extends z.ZodObject, Out extends z.ZodObject>({ run, ...spec }: ToolSpec<In, Out>): Tool {
  return {
    ...spec,
    call: async (desk, args, call) => {
      const given = spec.input.safeParse(args ?? {});
      if (!given.success) throw inputInvalid(spec.name, given.error);
      // What a tool gives is what its schema says, and no more.
      return spec.output.parse(await run(desk, given.data, call)) as Readonly<Record<string, unknown>>;
    },
  };
}

const MAX_PROBLEMS = 10;
const MAX_PROBLEM_LENGTH = 200;

function inputInvalid(name: string, error: z.ZodError): TriplaneError {
  const problems = error.issues.map(({ path, message }) => `${path.length === 0 ? "arguments" : path.join(".")}: ${message}`);
  const shown = problems.slice(0, MAX_PROBLEMS).map((problem) => problem.slice(0, MAX_PROBLEM_LENGTH));
  return new TriplaneError("tool_input_invalid", `${name}: ${shown.join("; ")}`, { details: { problems: shown } });
}

/** A schema as clients read it. */
export function jsonSchemaOf(schema: z.ZodObject, io: "input" | "output"): { readonly [key: string]: unknown } {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as { readonly [key: string]: unknown };
  return made;
}
