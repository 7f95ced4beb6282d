// A process for the tests of crashes and locks: opens a store, says "open", then commits numbered pairs of rows and prints each number
// after its commit, until it is killed. With `hold` it only keeps the store open, with `report` and `reads` it prints what is there.
import { TriplaneError } from "@triplane/contract";
import { openStore } from "../index.ts";
import { WRITER_MIGRATIONS } from "./writer-schema.ts";

const [path = "", mode = "write", startText = "0"] = process.argv.slice(2);
const store = await openStore({ url: `rocksdb://${path}`, migrations: WRITER_MIGRATIONS });
console.log("open");
if (mode === "hold") setInterval(() => undefined, 60_000);
for (let number = Number(startText); mode === "write"; number += 1) {
  await store.commit([
    { kind: "create", table: "firsts", id: String(number), document: { number } },
    { kind: "create", table: "seconds", id: String(number), document: { number, padding: "x".repeat(500) } },
  ]);
  process.stdout.write(`${number}\n`);
}
if (mode === "report") {
  const [firsts, seconds] = await Promise.all(["firsts", "seconds"].map((table) => store.list(table, { orderBy: "number" })));
  const numbers = (rows: typeof firsts): readonly unknown[] => (rows ?? []).map(({ document }) => document["number"]);
  console.log(JSON.stringify({ firsts: numbers(firsts), seconds: numbers(seconds) }));
  await store.close();
}
if (mode === "reads") {
  // Each by itself: what one of them cannot read, another may not need.
  const told = (error: unknown): string => {
    if (error instanceof TriplaneError && error.code === "unavailable") return "told";
    throw error;
  };
  const [listed, paged, highest] = await Promise.all([
    store.list("seconds").then((rows) => rows.length, told),
    Array.fromAsync(store.pages("seconds")).then((pages) => pages.flat().length, told),
    store.highest("seconds", "number", 0).then((number) => number + 1, told),
  ]);
  console.log(JSON.stringify({ listed, paged, highest }));
  await store.close();
}
