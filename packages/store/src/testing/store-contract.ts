// What every store has to do, whatever it is made of. Run on the SurrealDB adapter and on the SQLite oracle.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { FailureCode } from "@triplane/contract";
import { TriplaneError } from "@triplane/contract";
import type { Document, Migration, Store } from "../types.ts";

export const CONTRACT_MIGRATIONS: readonly Migration[] = [
  { version: 1, description: "things", tables: [{ table: "things", indexes: ["state", "rank"] }] },
  {
    version: 2,
    description: "notes, and one more index",
    tables: [
      { table: "notes", indexes: [] },
      { table: "things", indexes: ["owner"] },
    ],
  },
];

export function failsWith(code: FailureCode): (thrown: unknown) => boolean {
  return (thrown) => {
    if (thrown instanceof TriplaneError && thrown.code === code) return true;
    throw thrown;
  };
}

/** `open` gives a new, empty store with CONTRACT_MIGRATIONS. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`${name}: contract`, () => {
    let store: Store;
    let used = 0;
    before(async () => {
      store = await open();
    });
    after(() => store.close());
    /** Ids of one test, in order, that no other test has. */
    const ids = (count: number): string[] => {
      used += 1;
      return Array.from({ length: count }, (_, index) => `t${String(used).padStart(3, "0")}-${index}`);
    };
    const one = (count = 1): string => ids(count)[0] ?? "";

    it("get: several at once, of which some are not there", async () => {
      const id = one();
      await store.commit([{ kind: "create", table: "things", id, document: { n: 1 } }]);
      const found = await Promise.all([id, `${id}-b`, `${id}-c`].map((each) => store.get("things", each)));
      assert.deepEqual(found, [{ n: 1 }, undefined, undefined]);
      assert.deepEqual(await Promise.all([`${id}-d`, `${id}-e`].map((each) => store.get("things", each))), [undefined, undefined]);
    });

    it("create and get: a document comes back as it went in", async () => {
      const id = one();
      const document: Document = {
        id: "a field called id",
        text: "quotes ' \" ` ⟨⟩ \\ and \u0000 and 𝒳",
        numbers: [0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
        nothing: null,
        empty: {},
        list: [],
        deep: { a: [{ b: [true, false, null] }] },
        "odd key `${x}` ⟩": 1,
        looks_like: ["2026-01-01T00:00:00Z", "things:1", "018f0000-0000-7000-8000-000000000000", "1s", "NONE"],
      };
      await store.commit([{ kind: "create", table: "things", id, document }]);
      assert.deepEqual(await store.get("things", id), document);
      assert.equal(await store.get("things", `${id}-other`), undefined);
    });

    for (const id of [
      "a:b",
      "⟨x⟩",
      "`;DELETE things",
      "sha256:00",
      "018f0000-0000-7000-8000-000000000000",
      "1",
      "true",
      "é 𝒳",
      "x".repeat(512),
    ])
      it(`ids: ${JSON.stringify(id.slice(0, 40))} is only a string`, async () => {
        await store.commit([{ kind: "create", table: "notes", id, document: { id } }]);
        assert.deepEqual(await store.get("notes", id), { id });
        assert.ok((await store.list("notes")).some((entry) => entry.id === id));
        await store.commit([{ kind: "delete", table: "notes", id }]);
        assert.equal(await store.get("notes", id), undefined);
      });

    it("create: a second one under the same id fails and changes nothing", async () => {
      const id = one();
      await store.commit([{ kind: "create", table: "things", id, document: { n: 1 } }]);
      await assert.rejects(store.commit([{ kind: "create", table: "things", id, document: { n: 2 } }]), failsWith("store_duplicate"));
      assert.deepEqual(await store.get("things", id), { n: 1 });
    });

    it("commit: all writes happen or none", async () => {
      const [first = "", second = "", third = ""] = ids(3);
      await store.commit([{ kind: "create", table: "things", id: first, document: { n: 1 } }]);
      const failing = store.commit([
        { kind: "create", table: "notes", id: second, document: {} },
        { kind: "delete", table: "things", id: first },
        { kind: "create", table: "things", id: third, document: {} },
        { kind: "replace", table: "things", id: "nowhere", document: {} },
      ]);
      await assert.rejects(failing, failsWith("store_conflict"));
      assert.deepEqual([await store.get("notes", second), await store.get("things", third)], [undefined, undefined]);
      assert.deepEqual(await store.get("things", first), { n: 1 });
    });

    it("commit: later writes see earlier ones", async () => {
      const id = one();
      await store.commit([
        { kind: "create", table: "things", id, document: { state: "a" } },
        { kind: "replace", table: "things", id, document: { state: "b" }, expect: { state: "a" } },
        { kind: "delete", table: "things", id },
        { kind: "create", table: "things", id, document: { state: "c" } },
      ]);
      assert.deepEqual(await store.get("things", id), { state: "c" });
    });

    it("replace: only what is there, and only while it is as expected", async () => {
      const id = one();
      const replace = (expect: Document | undefined, document: Document) =>
        store.commit([{ kind: "replace", table: "things", id, document, ...(expect === undefined ? {} : { expect }) }]);
      await assert.rejects(replace(undefined, { v: 1 }), failsWith("store_conflict"));
      await store.commit([{ kind: "create", table: "things", id, document: { state: "a", n: null } }]);
      await assert.rejects(replace({ state: "b" }, { v: 1 }), failsWith("store_conflict"));
      await assert.rejects(replace({ missing: null }, { v: 1 }), failsWith("store_conflict"));
      await assert.rejects(replace({ state: 1 }, { v: 1 }), failsWith("store_conflict"));
      await replace({ state: "a", n: null }, { v: 1 });
      await replace(undefined, { v: 2 });
      assert.deepEqual(await store.get("things", id), { v: 2 });
    });

    it("delete: succeeds also where there is nothing", async () => {
      await store.commit([{ kind: "delete", table: "things", id: "never-there" }]);
    });

    it("create: of many at once exactly one wins (applied-once)", async () => {
      for (let round = 0; round < 10; round += 1) {
        const [id = "", effect = ""] = ids(2);
        const attempts = Array.from({ length: 12 }, (_, writer) =>
          store.commit([
            { kind: "create", table: "things", id, document: { writer } },
            { kind: "create", table: "notes", id: `${effect}-${writer}`, document: { round: id } },
          ]),
        );
        const settled = await Promise.allSettled(attempts);
        const won = settled.flatMap((result, writer) => (result.status === "fulfilled" ? [writer] : []));
        assert.equal(won.length, 1);
        for (const result of settled) if (result.status === "rejected") assert.ok(failsWith("store_duplicate")(result.reason));
        assert.deepEqual(await store.get("things", id), { writer: won[0] });
        assert.equal(await store.count("notes", { round: id }), 1);
      }
    });

    it("replace: concurrent compare-and-set loses no update", async () => {
      const id = one();
      await store.commit([{ kind: "create", table: "things", id, document: { rank: 0 } }]);
      let won = 0;
      const writer = async (): Promise<void> => {
        for (let round = 0; round < 10; round += 1) {
          const rank = Number((await store.get("things", id))?.["rank"]);
          try {
            await store.commit([{ kind: "replace", table: "things", id, document: { rank: rank + 1 }, expect: { rank } }]);
            won += 1;
          } catch (error) {
            assert.ok(failsWith("store_conflict")(error));
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, writer));
      assert.deepEqual(await store.get("things", id), { rank: won });
    });

    it("commit: many at once: each happens whole or not, whatever happens to the others", async () => {
      const names = ids(12);
      const id = (number: number): string => names[number] ?? "";
      for (const number of [3, 7]) await store.commit([{ kind: "create", table: "things", id: id(number), document: { n: -1 } }]);
      const commits = Array.from({ length: 12 }, (_, number) =>
        store.commit([
          { kind: "create", table: "notes", id: id(number), document: { n: number } },
          { kind: "create", table: "things", id: id(number), document: { n: number } },
        ]),
      );
      const outcomes = await Promise.allSettled(commits);
      for (const [number, { status }] of outcomes.entries()) {
        const fails = number === 3 || number === 7;
        assert.equal(status, fails ? "rejected" : "fulfilled");
        const [note, thing] = await Promise.all([store.get("notes", id(number)), store.get("things", id(number))]);
        assert.deepEqual([note?.["n"], thing?.["n"]], fails ? [undefined, -1] : [number, number]);
      }
    });

    it("list and count: filter, order, limit", async () => {
      const owner = one();
      const rows = [3, 1, 2, 1].map((rank, index) => ({
        id: `${owner}-${index}`,
        document: { owner, rank, state: rank > 1 ? "high" : "low" },
      }));
      await store.commit(rows.map(({ id, document }) => ({ kind: "create", table: "things", id, document })));
      const listed = async (options: Parameters<Store["list"]>[1]): Promise<string> =>
        (await store.list("things", { ...options, where: { owner, ...options?.where } })).map(({ id }) => id.at(-1)).join("");
      assert.equal(await listed({}), "0123");
      assert.equal(await listed({ descending: true }), "3210");
      assert.equal(await listed({ orderBy: "rank" }), "1320");
      assert.equal(await listed({ orderBy: "rank", descending: true }), "0231");
      assert.equal(await listed({ orderBy: "rank", limit: 2 }), "13");
      assert.equal(await listed({ where: { state: "low" }, orderBy: "rank" }), "13");
      assert.equal(await listed({ where: { state: "none" } }), "");
      assert.equal(await store.count("things", { owner, state: "high" }), 2);
      assert.equal(await store.count("things", { owner: "nobody" }), 0);
      assert.deepEqual((await store.list("things", { where: { owner }, limit: 1 }))[0], rows[0]);
    });

    it("pages: all documents once and in order of id, whatever is deleted, created or replaced meanwhile", async () => {
      const owner = one();
      const all = Array.from({ length: 1000 }, (_, index) => `${owner}-${String(index).padStart(4, "0")}`);
      await store.commit(all.map((id, n) => ({ kind: "create", table: "notes", id, document: { n } })));
      const read = async (onPage?: () => Promise<void>): Promise<readonly string[]> => {
        const found: string[] = [];
        for await (const page of store.pages("notes")) {
          found.push(...page.map(({ id }) => id));
          await onPage?.();
        }
        return found;
      };
      assert.deepEqual(
        await read(),
        (await store.list("notes")).map(({ id }) => id),
      );
      // Half of them, with the last one, so that many a page loses its end.
      const gone = all.filter((_, index) => index % 2 === 1);
      let isFirst = true;
      const found = await read(async () => {
        if (!isFirst) return;
        isFirst = false;
        await store.commit(gone.map((id) => ({ kind: "delete", table: "notes", id })));
        await store.commit([{ kind: "replace", table: "notes", id: all[998] ?? "", document: { n: "new" } }]);
        await store.commit([{ kind: "create", table: "notes", id: `${all[400]}-new`, document: {} }]);
      });
      assert.deepEqual(
        found,
        [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
      assert.equal(new Set(found).size, found.length);
      const kept = all.filter((_, index) => index % 2 === 0);
      assert.deepEqual(
        found.filter((id) => kept.includes(id)),
        kept,
      );
      let pages = 0;
      for await (const page of store.pages("notes")) {
        pages += page.length > 0 ? 1 : 0;
        await store.commit((await store.list("notes")).map(({ id }) => ({ kind: "delete", table: "notes", id })));
      }
      assert.equal(pages, 1, "nothing is left for a second one");
      assert.deepEqual(await read(), [], "an empty table has no page");
    });

    it("highest: of an indexed field's numbers, whatever else it holds, or what was known already", async () => {
      const most = await store.highest("things", "rank", 0);
      const [a = "", b = "", c = "", d = "", e = ""] = ids(5);
      const set = (kind: "create" | "replace", id: string, rank: Document[string]) =>
        store.commit([{ kind, table: "things", id, document: { rank } }]);
      await set("create", a, most + 1);
      assert.equal(await store.highest("things", "rank", 0), most + 1);
      await set("create", b, most + 1);
      await set("create", c, most + 700);
      for (const [id, rank] of [["text", "9"] as const, ["none", null] as const, ["truth", true] as const, ["below", -5] as const])
        await set("create", `${d}-${id}`, rank);
      await store.commit([{ kind: "create", table: "things", id: e, document: { owner: "without" } }]);
      for (const known of [0, most, most + 1, most + 2, most + 699, most + 700])
        assert.equal(await store.highest("things", "rank", known), most + 700, String(known));
      for (const known of [most + 701, Number.MAX_SAFE_INTEGER]) assert.equal(await store.highest("things", "rank", known), known);
      await set("replace", c, most + 3);
      assert.equal(await store.highest("things", "rank", most), most + 3);
      await set("replace", c, Number.MAX_SAFE_INTEGER);
      assert.equal(await store.highest("things", "rank", 0), Number.MAX_SAFE_INTEGER);
      await store.commit([{ kind: "delete", table: "things", id: c }]);
      assert.equal(await store.highest("things", "rank", 0), most + 1);
    });

    const refused: Readonly<Record<string, () => Promise<unknown>>> = {
      "a table of no migration": () => store.get("elsewhere", "x"),
      "a name with code in it": () => store.list("things", { orderBy: "rank; DELETE things" }),
      "a filter by an object": () => store.list("things", { where: { state: { a: 1 } } }),
      "an empty id": () => store.get("things", ""),
      "an id of half a character": () => store.get("things", "\ud800"),
      "a fraction": () => store.commit([{ kind: "create", table: "things", id: "x", document: { n: 0.5 } }]),
      "a number beyond 2^53": () => store.commit([{ kind: "create", table: "things", id: "x", document: { n: 2 ** 53 } }]),
      "half a character": () => store.commit([{ kind: "create", table: "things", id: "x", document: { s: "\ud800" } }]),
      "an indexed list": () => store.commit([{ kind: "create", table: "things", id: "x", document: { state: ["a"] } }]),
      "a document that is too large": () =>
        store.commit([{ kind: "create", table: "things", id: "x", document: { s: "x".repeat(1024 * 1024) } }]),
      "a key that changes objects": () =>
        store.commit([{ kind: "create", table: "things", id: "x", document: JSON.parse('{"__proto__":{"a":1}}') }]),
      "a limit of nothing": () => store.list("things", { limit: 0 }),
      "the pages of a table of no migration": async () => {
        for await (const page of store.pages("elsewhere")) assert.fail(String(page));
      },
      "the highest of a field without an index": () => store.highest("things", "number", 0),
      "the highest of a field with code in it": () => store.highest("things", "rank; DELETE things", 0),
      "the highest above less than nothing": () => store.highest("things", "rank", -1),
      "the highest above a fraction": () => store.highest("things", "rank", 0.5),
    };
    for (const [what, call] of Object.entries(refused))
      it(`refuses ${what}`, async () => {
        await assert.rejects(call, failsWith("request_invalid"));
        assert.equal(await store.get("things", "x"), undefined);
      });
  });
}
