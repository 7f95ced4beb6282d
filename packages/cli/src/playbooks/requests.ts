// Runs that were asked for: what exactly people are asked to confirm, and what they signed.
//
// 1. A request is written once and never changed. Confirmations are believed from their signatures, wherever they were found.
import { join } from "node:path";
import { type Digest, digestField, jtiField, TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, namesIfThere, readFileIfThere } from "@triplane/kit";
import type { LoadedPlaybook } from "@triplane/reflection";
import { z } from "zod";

const requestSchema = z.strictObject({
  format: z.literal("triplane-playbook-request-1"),
  run: jtiField,
  playbook: z.string().regex(/^[a-z0-9_]{1,64}$/),
  digest: digestField,
  parameters: z.record(z.string(), z.string()),
  /** Who asks, by name. */
  by: z.string().max(32).optional(),
  at: z.iso.datetime(),
});
export type PlaybookRequest = z.infer<typeof requestSchema>;

const NAME = /^[0-9a-z:]{1,100}$/i;

export async function writeRequest(folder: string, request: PlaybookRequest): Promise<void> {
  await ensurePrivateFolder(join(folder, request.run));
  await atomicWriteFile(join(folder, request.run, "request.json"), `${JSON.stringify(requestSchema.parse(request), null, 2)}\n`);
}

/** Throws `playbook_run_unknown`. */
export async function readRequest(folder: string, run: string): Promise<PlaybookRequest> {
  const known = jtiField.safeParse(run).success ? await readFileIfThere(join(folder, run, "request.json")) : undefined;
  if (known === undefined) throw new TriplaneError("playbook_run_unknown", `no run ${JSON.stringify(run.slice(0, 60))} was asked for here`);
  return parseRequest(known);
}

/** A request that came from elsewhere. Throws `usage`. */
export function parseRequest(text: string): PlaybookRequest {
  try {
    return requestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TriplaneError("usage", "this is no request of a playbook's run", { cause });
  }
}

export async function requestIds(folder: string): Promise<readonly string[]> {
  return (await namesIfThere(folder))
    .filter((name) => jtiField.safeParse(name).success)
    .toSorted()
    .toReversed();
}

/** One for each signer; a later one takes the place of an earlier one. */
export async function keepConfirmation(folder: string, run: string, did: string, compact: string): Promise<string> {
  const name = did.slice("did:key:".length);
  if (!NAME.test(name)) throw new TriplaneError("internal", "a DID makes no file name");
  await ensurePrivateFolder(join(folder, run));
  const path = join(folder, run, `${name}.jwt`);
  await atomicWriteFile(path, `${compact}\n`);
  return path;
}

export async function readConfirmations(folder: string, run: string): Promise<readonly string[]> {
  const files = (await namesIfThere(join(folder, run))).filter((name) => name.endsWith(".jwt")).sort();
  const texts = await Promise.all(files.map((file) => readFileIfThere(join(folder, run, file))));
  return texts.flatMap((text) => (text === undefined ? [] : [text.trim()]));
}

/** Throws `confirmation_refused` where the playbook's files are not those that were asked about. */
export function assertSameFiles(request: PlaybookRequest, loaded: LoadedPlaybook): void {
  const asked: Digest = request.digest;
  if (loaded.digest !== asked)
    throw new TriplaneError("confirmation_refused", `the files of ${loaded.name} are ${loaded.digest}, and the run is about ${asked}`, {
      hint: "The playbook changed since. Start it again; people confirm what it is now.",
    });
}
