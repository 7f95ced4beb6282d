// One contract suite on every driver.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, systemRandom } from "@triplane/kit";
import { CatalogFolder } from "../adapters/catalog-folder.ts";
import { instanceSpec } from "../instance-spec.ts";
import type { InstanceState } from "../model.ts";
import { type DriverHarness, testDriver } from "../testing/driver-contract.ts";
import { FIXTURES, type TestHome, testHome } from "../testing.ts";
import { FileDriver } from "./file/file-driver.ts";
import { PortAllocator } from "./process/ports.ts";
import { ProcessDriver } from "./process/process-driver.ts";
import { ReplicaRecords } from "./process/replica-record.ts";

function states(home: TestHome, component: string, settings: (number: number) => Record<string, unknown>) {
  const catalog = new CatalogFolder(FIXTURES, join(home.path, "releases"), join(home.path, "secrets"));
  const state = async (number: number, generation: string): Promise<InstanceState> => ({
    ...(await instanceSpec({ component, replicas: 1, settings: settings(number), managedBy: "op" }, catalog)),
    generation,
  });
  return { catalog, state };
}

const lines = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

async function processHarness(): Promise<DriverHarness> {
  const home = await testHome();
  const { catalog, state } = states(home, "probe", (number) => ({ after_ms: number }));
  const store = await home.store();
  const start = async () => {
    const stopping = new AbortController();
    const { records, found } = await ReplicaRecords.load(store);
    const driver = new ProcessDriver({
      ...{ dataDir: home.path, records, found, signal: stopping.signal },
      ports: new PortAllocator({ first: 21_000, last: 29_999 }, systemRandom),
      release: (component, definition) => catalog.release(component, definition),
      host: {
        ...{ env: {}, node: process.execPath, clock: systemClock, random: systemRandom, emit: () => undefined },
        tool: async (name) => name,
        secretsDir: join(home.path, "secrets"),
        onFatal: (error) => {
          throw error;
        },
      },
    });
    await driver.adoptAll();
    return { driver, stopping };
  };
  let current = await start();
  return {
    driver: () => current.driver,
    async restart() {
      current.stopping.abort();
      await current.driver.close();
      current = await start();
    },
    effects: async (target) => (await lines(join(home.path, "instances", target, "0", "starts.log"))).length,
    state,
    impossible: async (_target, generation) => ({ ...(await state(0, generation)), settings: { mode: "exits", after_ms: 0 } }),
    async [Symbol.asyncDispose]() {
      await current.driver.stopAll();
      current.stopping.abort();
      await current.driver.close();
      await home[Symbol.asyncDispose]();
    },
  };
}

async function fileHarness(): Promise<DriverHarness> {
  const home = await testHome();
  const { state } = states(home, "notes", (number) => ({ text: `number ${number}` }));
  const folder = join(home.path, "files");
  let driver = await FileDriver.open({ dataDir: home.path, clock: systemClock });
  return {
    driver: () => driver,
    async restart(instances) {
      await driver.close();
      driver = await FileDriver.open({ dataDir: home.path, clock: systemClock });
      await driver.adoptAll(instances, () => false);
    },
    async effects(target) {
      const told = (await lines(join(folder, "effects.jsonl"))).map((line) => JSON.parse(line) as Record<string, unknown>);
      return told.filter((effect) => effect["target"] === target).length;
    },
    state,
    async impossible(target, generation) {
      await mkdir(join(folder, `.${target}.json.tmp`));
      return state(0, generation);
    },
    async [Symbol.asyncDispose]() {
      await driver.close();
      await home[Symbol.asyncDispose]();
    },
  };
}

testDriver("ProcessDriver", processHarness);
testDriver("FileDriver", fileHarness);
