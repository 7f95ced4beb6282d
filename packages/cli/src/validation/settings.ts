// validation.json of a home: what belongs to this system beside the workspace itself. What is not in it is not looked at, and every check says so.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { readFileIfThere, tryParseJson } from "@triplane/kit";
import { z } from "zod";

const urlField = z.url({ protocol: /^https?$/, error: "must be an http or https address" }).max(500);
const pathField = z.string().min(1).max(4096);
const addressField = z.string().regex(/^[A-Za-z0-9.[\]:-]{1,255}:\d{1,5}$/, "must be host:port");
const nameField = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, "must be a plain name");

const poolShape = {
  /** The pool's label at the provider. */
  pool: nameField,
  /** The orchestrator that has the pool, and a file with a token of scope vm-pool:read. */
  orchestratorUrl: urlField,
  orchestratorTokenFile: pathField,
};

const buildSchema = z.discriminatedUnion("provider", [
  z.strictObject({
    ...poolShape,
    provider: z.literal("hcloud"),
    endpoint: urlField.default("https://api.hetzner.cloud/v1"),
    tokenFile: pathField,
    platform: z.enum(["linux/amd64", "linux/arm64"]).default("linux/amd64"),
  }),
  z.strictObject({
    ...poolShape,
    provider: z.literal("local"),
    goldenDir: pathField,
    runnersDir: pathField,
    network: z.string().max(64).default("10.201.0.0/24"),
  }),
]);

export const validationSettingsSchema = z.strictObject({
  prometheus: urlField.optional(),
  loki: urlField.optional(),
  grafana: urlField.optional(),
  vector: urlField.optional(),
  registry: urlField.optional(),
  /** Where the bus is, for a home that does not run one itself. */
  nats: z.strictObject({ url: z.url({ protocol: /^(?:nats|tls)$/ }).max(500), seedFile: pathField }).optional(),
  /** Daemons that this home does not start itself. */
  daemons: z
    .array(z.strictObject({ name: nameField, address: addressField }))
    .max(200)
    .default([]),
  build: buildSchema.optional(),
});
export type ValidationSettings = z.output<typeof validationSettingsSchema>;

/** Empty where there is no file. Throws `config_invalid` naming every field that is wrong; file names are relative to `folder`. */
export async function readValidationSettings(path: string, folder: string): Promise<ValidationSettings> {
  const text = await readFileIfThere(path);
  const parsed = validationSettingsSchema.safeParse(tryParseJson(text ?? "{}"));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "it"}: ${issue.message}`);
    throw new TriplaneError("config_invalid", `${path}: ${problems.join("; ")}`, {
      hint: "docs/reference/validation.md lists its fields.",
      details: { problems },
    });
  }
  const { nats, build, ...rest } = parsed.data;
  const at = (name: string): string => resolve(folder, name);
  return {
    ...rest,
    ...(nats === undefined ? {} : { nats: { ...nats, seedFile: at(nats.seedFile) } }),
    ...(build === undefined ? {} : { build: placed(build, at) }),
  };
}

function placed(build: NonNullable<ValidationSettings["build"]>, at: (name: string) => string): NonNullable<ValidationSettings["build"]> {
  const orchestratorTokenFile = at(build.orchestratorTokenFile);
  return build.provider === "hcloud"
    ? { ...build, orchestratorTokenFile, tokenFile: at(build.tokenFile) }
    : { ...build, orchestratorTokenFile, goldenDir: at(build.goldenDir), runnersDir: at(build.runnersDir) };
}
