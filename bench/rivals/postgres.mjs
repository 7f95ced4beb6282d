// A PostgreSQL queue: graphile-worker. Accept (an insert), run, and record in one transaction per step, each synced (synchronous_commit on).
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { answer, applyEffect, payloadOf, task } from "./effect.mjs";

const { connection, folder, jobs, warmUp, inFlight } = task();
const pool = new pg.Pool({ connectionString: connection, max: 24 });
const { rows } = await pool.query("SELECT current_setting('synchronous_commit') AS commit, current_setting('fsync') AS fsync, version()");
if (rows[0].commit !== "on" || rows[0].fsync !== "on") throw new Error(`PostgreSQL is not durable: ${JSON.stringify(rows[0])}`);
await pool.query(
  "CREATE TABLE audit (jti uuid PRIMARY KEY, target text NOT NULL, outcome text NOT NULL, evidence jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now())",
);

let done = 0;
let wake = () => undefined;
const total = warmUp + jobs;
let startedMs = 0;
const finished = Promise.withResolvers();
const runner = await run({
  pgPool: pool,
  concurrency: 16,
  pollInterval: 500,
  noHandleSignals: true,
  logger: new Logger(() => () => undefined),
  taskList: {
    async apply(payload, helpers) {
      const evidence = applyEffect(folder, payload);
      await helpers.query("INSERT INTO audit (jti, target, outcome, evidence) VALUES ($1, $2, 'applied', $3)", [
        payload.jti,
        payload.target,
        evidence,
      ]);
      done += 1;
      if (done === warmUp) startedMs = performance.now();
      if (done === total) finished.resolve(performance.now());
      wake();
    },
  },
});
for (let sent = 0; sent < total; sent += 1) {
  while (sent - done >= inFlight) await new Promise((resolve) => (wake = resolve));
  // Accepted when the insert is confirmed; as many at a time as the pool has connections.
  const adding = runner.addJob("apply", payloadOf(sent));
  if (sent % 16 === 15) await adding;
}
const endMs = await finished.promise;
answer(jobs, endMs - startedMs, { version: rows[0].version.split(" ").slice(0, 2).join(" ") });
await runner.stop();
await pool.end().catch(() => undefined);
