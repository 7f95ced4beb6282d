// The API's answers as far as they are used: what is used is checked, what is not known is let through.
import { z } from "zod";

const id = z.int().min(1);
const time = z
  .string()
  .max(40)
  .transform((text, context) => {
    const ms = Date.parse(text);
    if (!Number.isNaN(ms)) return Math.floor(ms / 1000);
    context.addIssue({ code: "custom", message: "is not a time" });
    return z.NEVER;
  });
const name = z.string().max(253);
const labels = z.record(z.string().max(400), z.string().max(63)).default({});
const money = z
  .string()
  .max(40)
  .regex(/^\d{1,12}(?:\.\d{1,20})?$/)
  .transform(Number);

export const errorSchema = z.object({ error: z.object({ code: z.string().max(100), message: z.string().max(10_000).default("") }) });

export const actionSchema = z.object({
  id,
  command: z.string().max(100).default(""),
  status: z.enum(["running", "success", "error"]),
  error: z.object({ code: z.string().max(100), message: z.string().max(10_000) }).nullish(),
});
export type Action = z.infer<typeof actionSchema>;

export const serverSchema = z.object({
  id,
  name,
  /** New ones may come; they are treated as `unknown`. */
  status: z.string().max(40),
  created: time,
  public_net: z.object({ ipv4: z.object({ ip: z.union([z.ipv4(), z.literal("")]) }).nullish() }),
  server_type: z.object({ name }),
  // Since 2026-07 on the server itself.
  location: z.object({ name }).nullish(),
  labels,
});
export type ApiServer = z.infer<typeof serverSchema>;

export const imageSchema = z.object({
  id,
  type: z.string().max(40),
  status: z.string().max(40),
  created: time.nullish(),
  architecture: z.enum(["x86", "arm"]),
  disk_size: z.number(),
  description: z.string().max(10_000).default(""),
  protection: z.object({ delete: z.boolean() }).default({ delete: false }),
  labels,
});
export type ApiImage = z.infer<typeof imageSchema>;

const deprecation = z.object({ unavailable_after: z.string().max(40) }).nullish();

export const serverTypeSchema = z.object({
  id,
  name,
  cores: z.int().min(1).max(10_000),
  /** GB. */
  memory: z.number().min(0).max(100_000),
  disk: z.number().min(0),
  cpu_type: z.string().max(40),
  architecture: z.string().max(40),
  deprecation,
  prices: z.array(z.object({ location: name, price_hourly: z.object({ net: money }) })).max(1000),
  locations: z.array(z.object({ name, available: z.boolean(), deprecation })).max(1000),
});
export type ServerType = z.infer<typeof serverTypeSchema>;

export const createdServerSchema = z.object({
  server: serverSchema,
  action: actionSchema,
  next_actions: z.array(actionSchema).max(100).default([]),
});
export const oneServerSchema = z.object({ server: serverSchema });
export const oneImageSchema = z.object({ image: imageSchema });
export const createdImageSchema = z.object({ image: imageSchema, action: actionSchema });
export const oneActionSchema = z.object({ action: actionSchema });
export const sshKeySchema = z.object({ id, name });
export const oneSshKeySchema = z.object({ ssh_key: sshKeySchema });

export const paginationSchema = z.object({
  meta: z.object({ pagination: z.object({ next_page: z.int().min(1).nullish() }).nullish() }).nullish(),
});
