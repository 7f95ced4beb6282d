// Samples the machine's load, keeps the last samples in a file, and touches a heartbeat after each.
import { rename, writeFile } from "node:fs/promises";
import { freemem, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { "data-dir": { type: "string" }, "every-ms": { type: "string", default: "1000" }, keep: { type: "string", default: "600" } },
});

const folder = values["data-dir"];
const keep = Number(values.keep);
const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());

const samples = [];
while (!stopping.signal.aborted) {
  samples.push({ at: new Date().toISOString(), load: loadavg()[0], free_bytes: freemem() });
  samples.splice(0, Math.max(0, samples.length - keep));
  const temporary = join(folder, "samples.json.new");
  await writeFile(temporary, `${JSON.stringify(samples)}\n`, { mode: 0o600 });
  await rename(temporary, join(folder, "samples.json"));
  await writeFile(join(folder, "heartbeat"), "");
  await wait(Number(values["every-ms"]), undefined, { signal: stopping.signal }).catch(() => undefined);
}
console.log(`stopped after ${samples.length} kept samples`);
