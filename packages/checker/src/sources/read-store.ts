// A child process of the checker: opens a copied embedded store raw and prints its rows as JSON lines, tables in the order of the arguments.
//
// A process of its own, because the engine may wait for ever on a damaged store, and gives a store back only when its process ends.
import { createNodeEngines } from "@surrealdb/node";
import { Surreal } from "surrealdb";

const [path = "", ...tables] = process.argv.slice(2);
const surreal = new Surreal({ engines: createNodeEngines() });
// Without this timer Node would end, with code 13, while the engine waits for ever.
const alive = setInterval(() => undefined, 1000);
await surreal.connect(`rocksdb://${path}?sync=every`, { namespace: "triplane", database: "main" });
clearInterval(alive);
const [info] = await surreal.query("INFO FOR DB;");
const defined = Object.keys((info as { readonly tables: object }).tables);
const counts: Record<string, number> = {};
for (const table of tables.filter((name) => defined.includes(name) && /^[a-z][a-z0-9_]{0,62}$/.test(name))) {
  const [rows] = await surreal.query(`SELECT record::id(id) AS key, doc FROM ${table} ORDER BY key;`);
  const all = rows as readonly { readonly key: string; readonly doc: object }[];
  for (const { key, doc } of all) process.stdout.write(`${JSON.stringify({ table, id: key, document: doc })}\n`);
  counts[table] = all.length;
}
process.stdout.write(`${JSON.stringify({ end: counts })}\n`, () => process.exit(0));
