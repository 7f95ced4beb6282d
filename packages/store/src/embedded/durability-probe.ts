// The child of the durability proof: `write PATH VALUE` commits one row and prints the value, `read PATH` prints what the row holds.
import { TriplaneError } from "@triplane/contract";
import { openEmbeddedSession } from "./engine.ts";

const [step, path, value] = process.argv.slice(2);
if (path === undefined || value === undefined) throw new TriplaneError("usage", "durability-probe write|read PATH VALUE");

const session = await openEmbeddedSession({ path, engineUrl: `rocksdb://${path}?sync=every`, timeoutMs: 20_000 });
const query =
  step === "write"
    ? "DEFINE TABLE proof SCHEMALESS; CREATE type::record('proof', 'row') SET value = $value;"
    : "SELECT VALUE value FROM ONLY type::record('proof', 'row');";
const results = await session.run(query, step === "write" ? { value } : {});
const failed = results.find((result) => !result.ok);
if (failed !== undefined && !failed.ok) throw new TriplaneError("store_not_durable", failed.message);
const last = results.at(-1);
console.log(step === "write" ? value : last?.ok === true ? String(last.value) : "");
// Waits to be killed; the parent never lets it end by itself.
setInterval(() => undefined, 60_000);
