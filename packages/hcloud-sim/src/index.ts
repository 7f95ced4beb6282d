// The public names of hcloud-sim.
export type { Backed, BackedServer, Backer } from "./backer.ts";
export { CONFIG } from "./config.ts";
export type { FaultInput } from "./faults/fault.ts";
export { runHcloudSim } from "./main.ts";
export { type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";
