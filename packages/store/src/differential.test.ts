import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import fc from "fast-check";
import { openStore } from "./index.ts";
import { openSqliteStore } from "./testing/sqlite-store.ts";
import { CONTRACT_MIGRATIONS } from "./testing/store-contract.ts";
import type { Document, ListOptions, Store, Write } from "./types.ts";

// Few ids and values, so that writes meet; strings that look like other things, and whose order differs between UTF-16 and UTF-8.
const id = fc.constantFrom("a", "b", "a:1", "⟨a⟩", "1", "\uffff", "𝒳");
const text = fc.constantFrom("x", "y", "", "1", "NONE", "things:a", "\uffff", "𝒳", "é");
const rank = fc.constantFrom(-1, 0, 1, 2 ** 31, Number.MAX_SAFE_INTEGER);
const document: fc.Arbitrary<Document> = fc.record(
  { state: text, rank, owner: fc.constantFrom(null, "me"), extra: fc.jsonValue({ maxDepth: 2, noUnicodeString: false }).map(integersOnly) },
  { requiredKeys: [] },
);
const fields = fc.record({ state: text, rank, owner: fc.constantFrom(null, "me") }, { requiredKeys: [] });
const table = fc.constantFrom("things", "notes");

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant("create" as const), table, id, document }),
  fc.record({ kind: fc.constant("replace" as const), table, id, document }),
  fc.record({ kind: fc.constant("replace" as const), table, id, document, expect: fields }),
  fc.record({ kind: fc.constant("delete" as const), table, id }),
);
const listOptions: fc.Arbitrary<ListOptions> = fc.record(
  { where: fields, orderBy: fc.constantFrom("state", "rank"), descending: fc.boolean(), limit: fc.integer({ min: 1, max: 4 }) },
  { requiredKeys: [] },
);
type Step =
  | { readonly do: "commit"; readonly writes: readonly Write[] }
  | { readonly do: "list"; readonly table: string; readonly options: ListOptions }
  | { readonly do: "pages"; readonly table: string }
  | { readonly do: "count"; readonly table: string; readonly where: Document }
  | { readonly do: "highest"; readonly table: string; readonly field: string; readonly above: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("commit" as const), writes: fc.array(write, { minLength: 1, maxLength: 4 }) }) },
  fc.record({ do: fc.constant("list" as const), table, options: listOptions }),
  fc.record({ do: fc.constant("pages" as const), table }),
  fc.record({ do: fc.constant("count" as const), table, where: fields }),
  fc.record({
    ...{ do: fc.constant("highest" as const), table, field: fc.constantFrom("rank", "state", "number") },
    above: fc.oneof(rank, fc.nat(5)),
  }),
);

describe("openStore: compared with the SQLite oracle", () => {
  let folder: string;
  let stores: readonly [Store, Store];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "triplane-store-"));
    stores = [
      await openStore({ url: `rocksdb://${join(folder, "surreal")}`, migrations: CONTRACT_MIGRATIONS }),
      await openSqliteStore(join(folder, "oracle.db"), CONTRACT_MIGRATIONS),
    ];
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it("any sequence of commits and reads: both answer the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (steps) => {
        for (const each of steps) {
          const [ours, oracle] = await Promise.all(stores.map((store) => perform(store, each)));
          assert.deepEqual(ours, oracle, JSON.stringify(each));
        }
        for (const each of ["things", "notes"]) {
          const [ours, oracle] = await Promise.all(stores.map((store) => store.list(each)));
          assert.deepEqual(ours, oracle);
        }
      }),
      { numRuns: 60 },
    );
  });
});

async function perform(store: Store, each: Step): Promise<unknown> {
  try {
    if (each.do === "commit") return await store.commit(each.writes);
    if (each.do === "pages") return (await Array.fromAsync(store.pages(each.table))).flat();
    if (each.do === "highest") return await store.highest(each.table, each.field, each.above);
    return each.do === "list" ? await store.list(each.table, each.options) : await store.count(each.table, each.where);
  } catch (error) {
    if (error instanceof TriplaneError) return error.code;
    throw error;
  }
}

function integersOnly(value: unknown): null | boolean | number | string {
  const made: unknown = JSON.parse(JSON.stringify(value), (key, member: unknown) => {
    if (key === "__proto__") return undefined;
    if (typeof member === "number") return Math.max(-(2 ** 53) + 1, Math.min(2 ** 53 - 1, Math.trunc(member))) + 0;
    return member;
  });
  return made as string;
}
