// The simulated bus passes the contract suite of the real one, with virtual time running by itself.
import { busContract } from "../bus-contract.ts";
import { SimulatedBroker } from "./broker.ts";
import { simulatedBus } from "./bus.ts";
import { selfRunning } from "./by-themselves.ts";
import { dice } from "./dice.ts";
import { CALM } from "./faults.ts";

busContract("simulated", async () => {
  const scheduler = selfRunning();
  const broker = new SimulatedBroker(scheduler, "w1");
  const { random } = dice("contract");
  return {
    workspace: "w1",
    bus: async () => simulatedBus({ broker, process: scheduler.process("client"), faults: CALM, random }),
    restart: async () => {
      broker.crash();
      broker.restart();
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});
