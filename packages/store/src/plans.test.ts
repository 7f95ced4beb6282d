// How the engine goes about what must not cost more with every document: a version of it that reads the table fails here.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemRandom } from "@triplane/kit";
import type { Query } from "./commit-query.ts";
import { openEmbeddedSession } from "./embedded/engine.ts";
import { aboveQuery, entriesQuery, pageQuery, RANGE_ROWS } from "./list-query.ts";
import { migrate } from "./migrate.ts";
import type { Session } from "./session.ts";
import { SurrealStore } from "./surreal-store.ts";
import { CONTRACT_MIGRATIONS } from "./testing/store-contract.ts";

const DOCUMENTS = 1200;

interface Plan {
  readonly operator: string;
  readonly attributes?: { readonly access?: string; readonly limit?: string };
  readonly metrics?: { readonly output_rows: number };
  readonly children?: readonly Plan[];
}

describe("the engine's plans", () => {
  let folder: string;
  let session: Session;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "triplane-store-"));
    const path = join(folder, "plans");
    session = await openEmbeddedSession({ path, engineUrl: `rocksdb://${path}`, timeoutMs: 20_000 });
    const store = new SurrealStore(session, await migrate(session, CONTRACT_MIGRATIONS), systemRandom);
    for (let first = 0; first < DOCUMENTS; first += 400)
      await store.commit(
        Array.from({ length: 400 }, (_, index) => {
          const rank = first + index;
          return { kind: "create", table: "things", id: `thing-${(rank * 7) % DOCUMENTS}`, document: { rank, state: "same" } };
        }),
      );
  });
  after(async () => {
    await session.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** What reads, at the bottom, and the names of all that goes on above it. */
  const planOf = async ({ text, parameters }: Query): Promise<{ readonly scan: Plan; readonly above: readonly string[] }> => {
    const [result] = await session.run(text.replace(/;$/, " EXPLAIN FULL;"), parameters);
    assert.ok(result?.ok, JSON.stringify(result));
    let scan = result.value as Plan;
    const above: string[] = [];
    for (let below = scan.children ?? []; below.length > 0; below = scan.children ?? []) {
      assert.equal(below.length, 1);
      above.push(scan.operator);
      scan = below[0] ?? assert.fail();
    }
    return { scan, above };
  };

  for (const bound of [0, DOCUMENTS / 2, DOCUMENTS - 2, DOCUMENTS - 1, DOCUMENTS * 2])
    it(`aboveQuery: above ${bound} of ${DOCUMENTS}: a range of the index, which gives one record at most`, async () => {
      const { scan, above } = await planOf(aboveQuery("things", "rank", bound));
      // No filter: this engine counts what a filter throws away towards the limit, and nothing would be left to say that there is more.
      assert.deepEqual([...above, scan.operator], ["ProjectValue", "IndexScan"]);
      assert.deepEqual(scan.attributes?.access, `>${bound} <=${Number.MAX_SAFE_INTEGER}`);
      assert.equal(scan.attributes?.limit, "1");
      assert.equal(scan.metrics?.output_rows, bound < DOCUMENTS - 1 ? 1 : 0);
    });

  it("pageQuery: what lies between two ids, and nothing else", async () => {
    const { parameters } = pageQuery("things", "thing-20", "thing-21");
    const { scan } = await planOf({ text: `${RANGE_ROWS};`, parameters });
    assert.equal(scan.operator, "RecordIdScan");
    // thing-200 to thing-209, and thing-21.
    assert.equal(scan.metrics?.output_rows, 11);
  });

  it("entriesQuery: walks along the index, which has every record, also those without the field", async () => {
    const { scan } = await planOf({ text: `${entriesQuery("things", "owner")};`, parameters: {} });
    assert.deepEqual([scan.operator, scan.attributes?.access], ["IndexScan", ">=NONE"]);
    assert.equal(scan.metrics?.output_rows, DOCUMENTS);
  });
});
