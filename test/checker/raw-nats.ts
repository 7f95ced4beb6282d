// JetStream by its raw API with the provisioner's identity, as somebody with the broker's credentials would.
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Sources } from "@triplane/checker";

const PROGRAM = join(resolve(import.meta.dirname, "../.."), "packages/checker/src/testing/raw-nats.ts");

/** Asks one after another; throws what JetStream refuses. */
export async function askNats(
  sources: Sources,
  ...asks: readonly (readonly [string, object])[]
): Promise<readonly Record<string, unknown>[]> {
  // The seed goes through a pipe: a command line can be read by others.
  const child = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify({ ...sources.nats, asks }));
  const [answers, problem] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (answers === "") throw new Error(`JetStream refused one of ${asks.map(([subject]) => subject).join(", ")}: ${problem.slice(0, 500)}`);
  return JSON.parse(answers) as Record<string, unknown>[];
}

export interface RawNats extends AsyncDisposable {
  ask(subject: string, body: object): Promise<Record<string, unknown>>;
}

/** The same, one at a time. */
export async function rawNats(sources: Sources): Promise<RawNats> {
  return {
    ask: async (subject, body) => (await askNats(sources, [subject, body]))[0] ?? {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
