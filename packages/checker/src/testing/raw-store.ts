// A child process of tests: opens a copy of an embedded store raw and runs SurrealQL on it, past everything that the product checks.
import { createNodeEngines } from "@surrealdb/node";
import { Surreal } from "surrealdb";

const [path = "", ...statements] = process.argv.slice(2);
const alive = setInterval(() => undefined, 1000);
const surreal = new Surreal({ engines: createNodeEngines() });
await surreal.connect(`rocksdb://${path}?sync=every`, { namespace: "triplane", database: "main" });
for (const statement of statements) await surreal.query(statement);
await surreal.close();
clearInterval(alive);
process.exit(0);
