// The controller's connections, as the system's tables have them, go to NATS, to the orchestrator, and to a database server that it was told of.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";

export function checkControllerPeers(evidence: Evidence, told: Case): void {
  const processes = told.need(evidence.processes);
  if (processes === undefined) return;
  const config = processes.configs.find(({ daemon }) => daemon === "ops-controller");
  const allowed = new Map<string, string>();
  for (const [name, what] of [
    ["natsUrl", "NATS"],
    ["orchestratorUrl", "the orchestrator"],
    ["storeUrl", "its database"],
  ] as const) {
    const value = config?.values[name];
    if (typeof value === "string" && URL.canParse(value) && new URL(value).port !== "") allowed.set(new URL(value).port, what);
  }
  if (evidence.ports !== undefined) {
    allowed.set(String(evidence.ports.nats), "NATS");
    allowed.set(String(evidence.ports.orchestrator), "the orchestrator");
  }
  for (const [name, value] of Object.entries(config?.values ?? {})) {
    if (typeof value !== "string" || !/^[a-z+]+:\/\//i.test(value) || ["natsUrl", "orchestratorUrl", "storeUrl"].includes(name)) continue;
    told.violation({
      what: `the controller is configured with an address of something else: ${name}`,
      ...(config === undefined ? {} : { file: config.file }),
    });
  }
  for (const { pid, peers } of processes.controllers) {
    for (const { remote, remotePort, local, localPort } of peers) {
      told.count("connections", 1);
      const isLoopback = remote.startsWith("127.") || remote === "::1";
      const what = allowed.get(String(remotePort));
      if (what === undefined || (!isLoopback && evidence.ports !== undefined))
        told.violation({ what: `controller ${pid} is connected with ${remote}:${remotePort} (from ${local}:${localPort})`, pid });
      else told.count(`connections with ${what}`, 1);
    }
  }
  told.saw(
    `established TCP connections of ${processes.controllers.length} controllers, from proc(5), at one moment; named sockets cannot be followed this way`,
  );
  if (processes.controllers.length === 0) told.cannot("no controller of this workspace runs, so there are no connections to look at");
}
