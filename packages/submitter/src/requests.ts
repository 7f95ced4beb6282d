// Request ids of callers who may ask twice: which op each of them stands for (`applied-once`).
//
// 1. What a request stands for is on disk before its op is signed: whoever asks again, also after a crash, gets the same jti.
// 2. A request stands for one op for ever; other contents under the same id are refused.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Clock,
  canonicalJson,
  digestField,
  digestOf,
  type Json,
  jtiField,
  type Random,
  TriplaneError,
  uuid7,
} from "@triplane/contract";
import { z } from "zod";
import { createWhole, durableFolder, namesIn } from "./files.ts";

const requestSchema = z.strictObject({
  request: z.string(),
  jti: jtiField,
  /** Of what was asked for. */
  wish: digestField,
});
export type Request = z.infer<typeof requestSchema>;

export interface RequestsOptions {
  /** The outbox's folder; created if it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
}

export class Requests {
  readonly #options: RequestsOptions;
  /** A request's file never changes: what was read once need not be read again. */
  readonly #known = new Map<string, Request>();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /**
   * The jti of a request, the same one whenever it is asked for. Throws `request_reused` where the id stands for another wish,
   * `outbox_damaged` for a file that is not what was written.
   */
  async claim(request: string, wish: Json): Promise<string> {
    const { folder, clock, random } = this.#options;
    const made: Request = { request, jti: uuid7(clock.nowMs(), random.bytes(10)), wish: digestOf(canonicalJson(wish)) };
    const path = this.#path(request);
    await durableFolder(folder);
    await durableFolder(join(folder, "requests"));
    if (await createWhole(path, `${JSON.stringify(made)}\n`, random)) return made.jti;
    const known = await read(path);
    if (known.request === request && known.wish === made.wish) return known.jti;
    throw new TriplaneError(
      "request_reused",
      `the request id ${JSON.stringify(request)} stands for the op ${known.jti}, which is another one`,
      {
        details: { jti: known.jti },
      },
    );
  }

  /** Request ids by the jti that they stand for. */
  async byJti(): Promise<ReadonlyMap<string, string>> {
    const folder = join(this.#options.folder, "requests");
    for (const name of await namesIn(folder)) if (!this.#known.has(name)) this.#known.set(name, await read(join(folder, name)));
    return new Map([...this.#known.values()].map(({ jti, request }) => [jti, request]));
  }

  /** An id may hold what a file's name may not. */
  #path(request: string): string {
    return join(this.#options.folder, "requests", `${createHash("sha256").update(request).digest("hex")}.json`);
  }
}

async function read(path: string): Promise<Request> {
  try {
    return requestSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw new TriplaneError("outbox_damaged", `${path} is not what was written there`, { cause, details: { path } });
  }
}
