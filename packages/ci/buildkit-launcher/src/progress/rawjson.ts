// One line of `buildctl --progress=rawjson`: BuildKit's solve status, of which only what is used here is read. Pure.
//
// 1. What is no such line is text that buildctl wrote beside it: it is kept, never thrown away and never thrown on.
// 2. Everything in it is from whoever wrote the Dockerfile: names, output and errors are text, nothing more.
import { z } from "zod";

const timeField = z
  .string()
  .max(64)
  .transform((text) => Date.parse(text))
  .pipe(z.number());
const base64Text = z.string().transform((text) => Buffer.from(text, "base64").toString("utf8"));

const vertexSchema = z.object({
  digest: z.string(),
  name: z.string().default(""),
  started: timeField.optional(),
  completed: timeField.optional(),
  cached: z.boolean().default(false),
  error: z.string().default(""),
});
export type Vertex = z.infer<typeof vertexSchema>;

const partSchema = z.object({
  id: z.string(),
  vertex: z.string(),
  current: z.number().default(0),
  total: z.number().default(0),
  started: timeField.optional(),
  completed: timeField.optional(),
});
/** A piece of work within a vertex: one layer, one manifest. */
export type Part = z.infer<typeof partSchema>;

/** Bytes stay bytes: a chunk may end in the middle of a character. */
const logSchema = z.object({
  vertex: z.string(),
  stream: z.number().default(1),
  data: z.string().transform((text) => Buffer.from(text, "base64")),
});
const warningSchema = z.object({ vertex: z.string().default(""), short: base64Text.default("") });

const statusSchema = z.object({
  vertexes: z.array(vertexSchema).default([]),
  statuses: z.array(partSchema).default([]),
  logs: z.array(logSchema).default([]),
  warnings: z.array(warningSchema).default([]),
});
export type SolveStatus = z.infer<typeof statusSchema>;

/** Undefined where the line is no status: then it is text. */
export function parseStatus(line: string): SolveStatus | undefined {
  if (!line.startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = statusSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
