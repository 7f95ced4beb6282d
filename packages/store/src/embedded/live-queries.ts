// Turns off the engine's wait for live-query notifications, which nobody here makes.
//
// The engine's package waits for the next one from the moment it opens. After the first DEFINE INDEX that wait never ends, not even when
// the engine is closed, and it keeps the process from ending by itself (measured, @surrealdb/node 3.0.3). The package has no option for it.
import { createRequire } from "node:module";

const NATIVE_MODULE = /surrealdb-node[^/\\]*\.node$/;

/** After the engine's package was loaded. Where its native module looks different nothing is changed. */
export function stopWaitingForLiveQueries(): void {
  const loaded = createRequire(import.meta.url).cache;
  const path = Object.keys(loaded).find((name) => NATIVE_MODULE.test(name));
  const native: unknown = path === undefined ? undefined : loaded[path]?.exports;
  const receiver = isRecord(native) ? native["NotificationReceiver"] : undefined;
  // The package takes null for the end of notifications.
  if (typeof receiver === "function" && isRecord(receiver.prototype)) receiver.prototype["recv"] = async () => null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
