// governance.json: a home that governs and runs nothing: one person's key on their own machine, or a reader's without a key. And pins: what
// has to come to a person by a way that they trust.
import { type Did, didField, digestOf, digestWords, PRINCIPAL_PATTERN, ridField, TriplaneError } from "@triplane/contract";
import { assertRemote } from "@triplane/governance";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { z } from "zod";
import type { HomeLayout } from "./layout.ts";

const repositoryPin = z.strictObject({ rid: ridField, identityRoot: z.string().regex(/^[0-9a-f]{40}$/, "must be a commit id") });
const workspaceName = z.string().regex(PRINCIPAL_PATTERN, "must be a workspace's name");
const pinsSchema = z.strictObject({ policy: repositoryPin, desired: repositoryPin, state: repositoryPin, controller: didField });

const pinFileSchema = z.strictObject({
  format: z.literal("triplane-pin-1"),
  workspace: workspaceName,
  /** One person alone decides in this workspace. */
  single_operator: z.boolean(),
  pins: pinsSchema,
});
export type PinFile = z.infer<typeof pinFileSchema>;

const governanceFileSchema = z.strictObject({
  format: z.literal(1),
  purpose: z.literal("governance"),
  workspace: workspaceName,
  created: z.iso.datetime(),
  single_operator: z.boolean(),
  /** Absent for a reader. */
  me: z.strictObject({ principal: workspaceName, did: didField }).optional(),
  pins: pinsSchema,
  remotes: z.array(z.strictObject({ name: z.string(), url: z.string() })).max(16),
});
export type GovernanceFile = z.infer<typeof governanceFileSchema>;

/** Undefined where the home has none. Throws `config_invalid`. */
export async function readGovernanceFile(layout: HomeLayout): Promise<GovernanceFile | undefined> {
  const text = await readFileIfThere(layout.governanceFile);
  if (text === undefined) return undefined;
  try {
    const file = governanceFileSchema.parse(JSON.parse(text));
    for (const remote of file.remotes) assertRemote(remote);
    return file;
  } catch (cause) {
    throw new TriplaneError("config_invalid", `${layout.governanceFile} does not read`, { cause });
  }
}

export async function writeGovernanceFile(layout: HomeLayout, file: GovernanceFile): Promise<void> {
  await atomicWriteFile(layout.governanceFile, `${JSON.stringify(governanceFileSchema.parse(file), null, 2)}\n`);
}

/** Throws `usage` for text that is no pin. */
export function parsePin(text: string): PinFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TriplaneError("usage", "the pin is not JSON", {
      cause,
      hint: "`triplane governance pin` prints it on a machine that has it.",
    });
  }
  const parsed = pinFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "pin"}: ${issue.message}`);
  throw new TriplaneError("usage", `the pin does not read: ${problems.join("; ")}`, { details: { problems } });
}

export function renderPin(pin: PinFile): string {
  return JSON.stringify(pin, null, 2);
}

/** The pin for reading aloud: what two people compare who did not meet. */
export function pinWords(pin: PinFile): string {
  const { policy, desired, state, controller } = pin.pins;
  const all = [
    pin.workspace,
    pin.single_operator,
    ...[policy, desired, state].flatMap(({ rid, identityRoot }) => [rid, identityRoot]),
    controller,
  ];
  return digestWords(digestOf(JSON.stringify(all)));
}

/** A key's DID for reading aloud. */
export function didWords(did: Did): string {
  return digestWords(digestOf(did));
}
