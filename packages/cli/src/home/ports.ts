// Ports of a local workspace: one block of neighbours on loopback that was free when the workspace was made.
import { createServer } from "node:net";
import { TriplaneError } from "@triplane/contract";
import type { WorkspaceFile } from "./workspace-file.ts";

const COMPONENT_PORTS = 30;
const SERVICE_PORTS = 10;
const BLOCK = COMPONENT_PORTS + SERVICE_PORTS;
// Below the range from which Linux and macOS take outgoing ports, so that a stopped workspace finds its ports free again.
const FIRST = 24_000;
const LAST = 31_900;

export type Ports = WorkspaceFile["ports"];

/** A block that starts at `base`, or the first free one where `base` is undefined. Throws `start_failed` if none is free. */
export async function choosePorts(base: number | undefined, startAt: number): Promise<Ports> {
  if (base !== undefined) return portsFrom(base);
  const blocks = Math.floor((LAST - FIRST) / BLOCK);
  for (let tried = 0; tried < blocks; tried += 1) {
    const candidate = FIRST + ((startAt + tried) % blocks) * BLOCK;
    if (await allFree(candidate, candidate + SERVICE_PORTS)) return portsFrom(candidate);
  }
  throw new TriplaneError("start_failed", `no block of ${BLOCK} ports between ${FIRST} and ${LAST} is free`);
}

function portsFrom(base: number): Ports {
  return {
    nats: base,
    orchestrator: base + 1,
    orchestratorHealth: base + 2,
    controllerHealth: base + 3,
    mirrorHealth: base + 4,
    keeperHealth: base + 5,
    desiredSyncHealth: base + 6,
    validatorHealth: base + 7,
    componentsFrom: base + SERVICE_PORTS,
    componentsTo: base + BLOCK - 1,
  };
}

async function allFree(from: number, to: number): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: to - from }, (_, offset) => isFree(from + offset)));
  return answers.every((free) => free);
}

/** Whether nobody listens on that port of the loopback address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
