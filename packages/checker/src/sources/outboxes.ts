// The submitters' outboxes: what each of them signed, sent, and holds the outcome of.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "@triplane/contract";
import { factsOfSignedOp, type OpFacts } from "../proof/record.ts";

export interface OutboxSource {
  readonly principal: string;
  readonly folder: string;
}

export interface OutboxOp {
  readonly principal: string;
  readonly file: string;
  readonly digest: string;
  readonly op: OpFacts;
  /** A broker confirmed it. The mark may be lost, so its absence proves nothing. */
  readonly sent: boolean;
  readonly outcome: { readonly recordDigest: string; readonly outcome: string } | undefined;
}

export interface Outboxes {
  readonly folders: number;
  readonly ops: readonly OutboxOp[];
  readonly problems: readonly { readonly file: string; readonly what: string }[];
}

export async function readOutboxes(sources: readonly OutboxSource[]): Promise<Outboxes> {
  const ops: OutboxOp[] = [];
  const problems: { file: string; what: string }[] = [];
  let folders = 0;
  for (const { principal, folder } of sources) {
    if ((await stat(folder).catch(() => undefined)) === undefined) continue;
    folders += 1;
    // Waiting before done: an op is moved from there to here.
    const found = new Map<string, OutboxOp>();
    for (const key of await names(join(folder, "ops"))) {
      for (const name of await names(join(folder, "ops", key))) {
        if (!/^\d+\.json$/.test(name)) continue;
        const file = join(folder, "ops", key, name);
        const sent = await stat(file.replace(/\.json$/, ".sent")).then(
          () => true,
          () => false,
        );
        await take(file, principal, sent, found, problems);
      }
    }
    for (const name of await names(join(folder, "done"))) {
      if (name.endsWith(".json")) await take(join(folder, "done", name), principal, true, found, problems);
    }
    ops.push(...found.values());
  }
  return { folders, ops, problems };
}

async function take(
  file: string,
  principal: string,
  sent: boolean,
  found: Map<string, OutboxOp>,
  problems: { file: string; what: string }[],
): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => "");
  // Empty once its outcome is held: the number stays taken. Or just moved.
  if (text === "") return;
  try {
    const entry = JSON.parse(text) as {
      readonly jti: string;
      readonly op: string;
      readonly outcome?: { readonly record: string; readonly outcome: string };
    };
    const facts = factsOfSignedOp(entry.op);
    if (!facts.verified || facts.jti !== entry.jti) throw new Error("its op is not the one that it names, or not signed by its issuer");
    const outcome = entry.outcome && { recordDigest: digestOf(entry.outcome.record), outcome: entry.outcome.outcome };
    found.set(entry.jti, { principal, file, digest: facts.digest, op: facts, sent, outcome });
  } catch (thrown) {
    problems.push({ file, what: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

async function names(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith(".")).sort();
}
