// The child of the durability proof, with its scratch store in FOLDER: `write FOLDER VALUE` commits one row and prints the value,
// `read FOLDER VALUE` prints what the row holds.
//
// Nothing but the parent ends it: by a kill, or, where the parent was killed itself, by the end of standard input. Then
// nobody else will remove the folder, so the child does.
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { openEmbeddedSession } from "./engine.ts";

const [step, folder, value] = process.argv.slice(2);
if (folder === undefined || value === undefined) throw new TriplaneError("usage", "durability-probe write|read FOLDER VALUE");

process.stdin.resume().once("close", () => {
  try {
    // Moved away first: the engine's threads go on making files under the path that they know.
    const aside = `${folder}.gone`;
    renameSync(folder, aside);
    rmSync(aside, { recursive: true, force: true, maxRetries: 10 });
  } finally {
    process.exit(1);
  }
});

const path = join(folder, "store");
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
