// The outbox of one principal: ops on disk from before they are sent until their outcome is held.
//
// 1. A number is reserved and its op is stored by one `link(2)`: the file `ops/<key>/<seq>.json` appears whole, on disk, and
//    only if nobody has that number. There is no lock that could be left behind; two processes get two numbers.
// 2. An op's file is never changed before its outcome is held. A crash before sending leaves it to `resendAll`.
// 3. An outcome goes to done/<jti>.json first. Then the op's file becomes empty, so that its number stays taken for ever,
//    or is removed, where the keeper did not count the number.
// 4. The next number of a key is one above all that are taken, and at least the floor that a `sequence_gap` taught.
// 5. What is remembered between calls only says where to look: an op is believed from its file as it is now. The one thing that
//    is not looked at again is a number whose file was empty, because that is for ever.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Clock,
  type Did,
  failpoint,
  jtiField,
  nowSeconds,
  type OpClaims,
  parseOp,
  type Random,
  type Signer,
  signOpBy,
  TriplaneError,
  uuid7,
  verifyOp,
} from "@triplane/contract";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { type OpOutcome, type OutboxOp, readEntry, writeEntry } from "./entry.ts";
import { createWhole, durableFolder, namesIn } from "./files.ts";
import { assertNoSecrets } from "./secrets.ts";

/** What a person decides about an op; the rest is filled in when it is signed. */
export interface OpDraft extends Pick<OpClaims, "op" | "target" | "scope" | "args" | "expected_state_version"> {
  readonly reason?: string;
  /** Digest of the plan that was shown. */
  readonly plan?: OpClaims["plan"];
  readonly notBeforeS?: number;
  readonly expiresInS: number;
  /** An id that was chosen before; a new one unless given. */
  readonly jti?: string;
}

export interface OutboxOptions {
  /** `outbox/<principal>`; created with mode 0700. */
  readonly folder: string;
  /** The audience of the ops: `<workspace>/<policy RID>`. */
  readonly audience: string;
  readonly clock: Clock;
  readonly random: Random;
}

const OP_FILE = /^([1-9]\d{0,15})\.json$/;
const SENT_SUFFIX = ".sent";
const DONE_FILE = /^[0-9a-f-]{36}\.json$/;
const MAX_RACES = 1000;

export class Outbox {
  readonly #options: OutboxOptions;
  /** Files of ops without an outcome that were seen, by jti. */
  readonly #places = new Map<string, string>();
  /** What was read from a file, so that the same text is not parsed again. */
  readonly #parsed = new Map<string, { readonly text: string; readonly op: OutboxOp }>();
  /** Files of numbers that are used up, with nothing in them any more. */
  readonly #used = new Set<string>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Signs an op with the key's next number and stores it. It is on disk when this returns; nothing has been sent. Throws `secret_in_op`. */
  async prepare(draft: OpDraft, key: Signer): Promise<OutboxOp> {
    const { clock, random, audience } = this.#options;
    const { notBeforeS, expiresInS, reason, plan, jti, ...fixed } = draft;
    assertNoSecrets(fixed.args, "args");
    assertNoSecrets(reason, "reason");
    const nowS = nowSeconds(clock);
    const claims = {
      ...fixed,
      aud: audience,
      jti: jti ?? uuid7(clock.nowMs(), random.bytes(10)),
      iat: nowS,
      exp: nowS + expiresInS,
      ...(notBeforeS === undefined ? {} : { nbf: notBeforeS }),
      ...(reason === undefined ? {} : { reason }),
      ...(plan === undefined ? {} : { plan }),
    };
    for (let race = 0; race < MAX_RACES; race += 1) {
      const seq = await this.nextSeq(key.did);
      const stored = await this.#reserve(await signOpBy({ ...claims, seq }, key));
      if (stored !== undefined) return stored;
    }
    throw new TriplaneError("internal", `no free sequence number after ${MAX_RACES} attempts`);
  }

  /**
   * Stores an op that was signed elsewhere. The same bytes again are harmless. Throws a failure of a signed object, or
   * `sequence_fork` where other bytes have its number.
   */
  async adopt(compact: string): Promise<OutboxOp> {
    const { claims } = verifyOp(compact);
    assertNoSecrets(claims.args, "args");
    assertNoSecrets(claims.reason, "reason");
    const known = await this.find(claims.jti);
    if (known?.entry.op === compact) return known;
    if (known !== undefined) throw new TriplaneError("jti_reused", `the outbox holds another op with jti ${claims.jti}`);
    const stored = await this.#reserve(compact);
    if (stored !== undefined) return stored;
    throw new TriplaneError("sequence_fork", `the outbox holds another op of ${claims.iss} with number ${claims.seq}`);
  }

  /** The number that the key's next op will get. */
  async nextSeq(did: Did): Promise<number> {
    const taken = (await this.#numbers(tokenOf(did))).at(-1) ?? 0;
    return Math.max(taken + 1, await this.#floor(did));
  }

  /** Ops without an outcome, by key and number: the order in which they are sent. */
  async pending(): Promise<readonly OutboxOp[]> {
    const found: OutboxOp[] = [];
    for (const token of await namesIn(this.#path("ops"))) {
      for (const seq of await this.#numbers(token)) {
        const op = await this.#waiting(this.#path("ops", token, `${seq}.json`));
        if (op !== undefined) found.push(op);
      }
    }
    return found;
  }

  /** The op in a file, or undefined where it has its outcome or is gone. */
  async #waiting(path: string): Promise<OutboxOp | undefined> {
    if (this.#used.has(path)) return undefined;
    const text = await readFileIfThere(path);
    if (text === undefined || text === "") {
      const known = this.#parsed.get(path);
      if (known !== undefined) this.#places.delete(known.op.entry.jti);
      this.#parsed.delete(path);
      if (text === "") this.#used.add(path);
      return undefined;
    }
    return this.#remember(path, text);
  }

  #remember(path: string, text: string): OutboxOp {
    const known = this.#parsed.get(path);
    if (known?.text === text) return known.op;
    const op = readEntry(text, path);
    this.#parsed.set(path, { text, op });
    this.#places.set(op.entry.jti, path);
    return op;
  }

  /** Everything, oldest first. */
  async list(): Promise<readonly OutboxOp[]> {
    const done = await this.#done();
    const known = new Set(done.map(({ entry }) => entry.jti));
    const waiting = (await this.pending()).filter(({ entry }) => !known.has(entry.jti));
    // UUIDv7 sorts by time.
    return [...done, ...waiting].sort((a, b) => (a.entry.jti < b.entry.jti ? -1 : 1));
  }

  async find(jti: string): Promise<OutboxOp | undefined> {
    if (!jtiField.safeParse(jti).success) return undefined;
    const path = this.#path("done", `${jti}.json`);
    const text = await readFileIfThere(path);
    if (text !== undefined) return readEntry(text, path);
    const place = this.#places.get(jti);
    const op = place === undefined ? undefined : await this.#waiting(place);
    if (op?.entry.jti === jti) return op;
    return (await this.pending()).find(({ entry }) => entry.jti === jti);
  }

  /** Records the final word on an op and learns from a `sequence_gap`. Doing it twice changes nothing. */
  async finish(op: OutboxOp, outcome: OpOutcome): Promise<OutboxOp> {
    const { iss, seq } = op.claims;
    const entry = { ...op.entry, outcome };
    await this.#ensureFolder("done");
    await atomicWriteFile(this.#path("done", `${entry.jti}.json`), writeEntry(entry));
    if (outcome.expected_seq !== undefined) await this.#raiseFloor(iss, outcome.expected_seq);
    const path = this.#opPath(iss, seq);
    await rm(this.#sentPath(op), { force: true });
    if (outcome.consumes_seq) await atomicWriteFile(path, "");
    else if ((await readFileIfThere(path)) === writeEntry(op.entry)) await rm(path, { force: true });
    this.#parsed.delete(path);
    this.#places.delete(entry.jti);
    return { ...op, entry };
  }

  /** Ops of the same key with smaller numbers that no broker confirmed: they have to go first. */
  async unsentBefore(op: OutboxOp): Promise<readonly OutboxOp[]> {
    const token = tokenOf(op.claims.iss);
    const names = await namesIn(this.#path("ops", token));
    const sent = new Set(names.filter((name) => name.endsWith(SENT_SUFFIX)));
    const earlier = numbersOf(names).filter((seq) => seq < op.claims.seq && !sent.has(`${seq}${SENT_SUFFIX}`));
    const ops = await Promise.all(earlier.map((seq) => this.#waiting(this.#path("ops", token, `${seq}.json`))));
    return ops.filter((each) => each !== undefined);
  }

  /** Remembers that a broker confirmed the op. Losing this costs one more sending. */
  async markSent(op: OutboxOp): Promise<void> {
    if (op.entry.outcome === undefined) await writeFile(this.#sentPath(op), "", { mode: 0o600 });
  }

  async #reserve(compact: string): Promise<OutboxOp | undefined> {
    const { claims } = parseOp(compact);
    const entry = { jti: claims.jti, op: compact, stored_at: nowSeconds(this.#options.clock) };
    const path = this.#opPath(claims.iss, claims.seq);
    const text = writeEntry(entry);
    await this.#ensureFolder("ops", tokenOf(claims.iss));
    failpoint("submitter.before-spool");
    if (!(await createWhole(path, text, this.#options.random))) return undefined;
    failpoint("submitter.after-spool");
    return this.#remember(path, text);
  }

  async #done(): Promise<readonly OutboxOp[]> {
    const names = (await namesIn(this.#path("done"))).filter((name) => DONE_FILE.test(name));
    return Promise.all(names.map(async (name) => readEntry(await readFile(this.#path("done", name), "utf8"), this.#path("done", name))));
  }

  /** Taken numbers of a key, ascending. */
  async #numbers(token: string): Promise<readonly number[]> {
    return numbersOf(await namesIn(this.#path("ops", token)));
  }

  async #floor(did: Did): Promise<number> {
    const text = await readFileIfThere(this.#path("floor", tokenOf(did)));
    return text !== undefined && /^[1-9]\d{0,15}\n$/.test(text) ? Number(text) : 1;
  }

  async #raiseFloor(did: Did, expected: number): Promise<void> {
    if (expected <= (await this.#floor(did))) return;
    await this.#ensureFolder("floor");
    await atomicWriteFile(this.#path("floor", tokenOf(did)), `${expected}\n`);
  }

  #opPath(did: Did, seq: number): string {
    return this.#path("ops", tokenOf(did), `${seq}.json`);
  }

  #sentPath(op: OutboxOp): string {
    return this.#path("ops", tokenOf(op.claims.iss), `${op.claims.seq}${SENT_SUFFIX}`);
  }

  async #ensureFolder(...parts: readonly string[]): Promise<void> {
    await durableFolder(this.#options.folder);
    for (let depth = 1; depth <= parts.length; depth += 1) await durableFolder(this.#path(...parts.slice(0, depth)));
  }

  #path(...parts: readonly string[]): string {
    return join(this.#options.folder, ...parts);
  }
}

/** Numbers that have a file, ascending. */
function numbersOf(names: readonly string[]): readonly number[] {
  return names
    .flatMap((name) => OP_FILE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** A key's name in paths. A DID that was checked has only base58 after the prefix. */
function tokenOf(did: string): string {
  return did.replace(/^did:key:/, "");
}
