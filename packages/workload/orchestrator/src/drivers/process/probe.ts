// One look at a replica: does it answer on loopback, does it touch its heartbeat file?
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { HealthDefinition } from "../../catalog/definition.ts";

export interface ProbeTarget {
  readonly ports: Readonly<Record<string, number>>;
  readonly dataDir: string;
}

/** Undefined where it is well, else why not. Never rejects. */
export async function probe(health: HealthDefinition, target: ProbeTarget, nowMs: number): Promise<string | undefined> {
  if (health.check === "Http") return probeHttp(target.ports[health.port] ?? 0, health.path, health.timeout_ms);
  try {
    const ageMs = nowMs - (await stat(join(target.dataDir, health.file))).mtimeMs;
    return ageMs <= health.max_age_ms ? undefined : `${health.file} was last touched ${Math.round(ageMs)} ms ago`;
  } catch {
    return `${health.file} is not there`;
  }
}

// Not over `httpExchange`: the status is enough, whatever follows it and however long.
function probeHttp(port: number, path: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(`no answer within ${timeoutMs} ms`), timeoutMs);
    const probing = process
      .getBuiltinModule("node:http")
      .request({ host: "127.0.0.1", port, path, method: "GET", agent: false, headers: { connection: "close" } }, (response) => {
        const status = response.statusCode ?? 0;
        finish(status >= 200 && status < 300 ? undefined : `answers with status ${status}`);
      });
    const finish = (problem: string | undefined): void => {
      clearTimeout(timer);
      probing.destroy();
      resolve(problem);
    };
    probing.on("error", (error) => finish(`does not answer: ${"code" in error ? String(error.code) : error.message}`));
    probing.end();
  });
}
