// What this room's tests share: folders that go away, keys, a clock that is set by hand.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type Clock, type FailureCode, generateSigningKey, type SigningKey, TriplaneError } from "@triplane/contract";
import { type CreatedRepository, createRepository } from "./radicle/repository.ts";

export const START_MS = 1_790_000_000_000;

export function manualClock(startMs: number = START_MS): Clock & { advance(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** A folder that is removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-ledger-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function keys(count: number): SigningKey[] {
  return Array.from({ length: count }, generateSigningKey);
}

export interface Governed extends CreatedRepository {
  readonly delegates: readonly SigningKey[];
  readonly clock: ReturnType<typeof manualClock>;
}

/** A repository governed by `threshold` of `count` fresh keys. */
export async function governed(count: number, threshold: number, name = "policy-libre-wuji"): Promise<Governed> {
  const delegates = keys(count);
  const [founder] = delegates;
  if (founder === undefined) throw new Error("a repository needs a delegate");
  const clock = manualClock();
  const storageDir = await temporaryFolder();
  const created = await createRepository({ storageDir, name, description: "for tests", founder, delegates, threshold, clock });
  return { ...created, delegates, clock };
}

/** For assert.rejects and assert.throws: matches on the code. */
export function failsWith(code: FailureCode): (thrown: unknown) => boolean {
  return (thrown) => {
    if (thrown instanceof TriplaneError && thrown.code === code) return true;
    throw thrown;
  };
}

export function nth<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}
