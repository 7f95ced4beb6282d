// Row: what the registry's gateway costs, against a static file server with the same bytes: a cargo fetch, and a hit of sccache.
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { cargoAt, writeCrate } from "@triplane/registry/testing";
import { bySize, type Line, type Row, type RowContext } from "../harness/row.ts";
import { median } from "../harness/statistics.ts";
import { type RegistryPlace, registryPlace } from "../registry/place.ts";

const CRATE_BYTES = 30_000;
const OBJECT_BYTES = 120_000;

export const registry: Row = {
  id: "registry",
  summary: "cargo fetch and sccache hits through the gateway, against a static file server with the same bytes",
  async run(context) {
    const folder = await context.temporary("registry");
    await using place = await registryPlace(folder);
    return [await cargoFetch(context, place, folder), await sccacheHits(context, place)];
  },
};

async function cargoFetch(context: RowContext, place: RegistryPlace, folder: string): Promise<Line> {
  const { crates, rounds } = bySize(context, {
    full: { crates: 60, rounds: 9 },
    quick: { crates: 30, rounds: 5 },
    tiny: { crates: 2, rounds: 1 },
  });
  const names = Array.from({ length: crates }, (_, index) => `bench-crate-${index}`);
  context.progress(`publishing ${crates} crates`);
  await place.publish(names, CRATE_BYTES);
  const manifest = `[dependencies]\n${names.map((name) => `${name} = { version = "1", registry = "ours" }\n`).join("")}`;
  const app = await writeCrate(join(folder, "app"), { name: "bench-app", version: "0.1.0", manifest, source: "" });
  const timed = async (origin: string, token: string | undefined, index: string): Promise<number> => {
    const home = join(folder, "cargo-home");
    await rm(home, { recursive: true, force: true });
    await rm(join(app, "Cargo.lock"), { force: true });
    const cargo = await cargoAt(origin, token, home);
    const startedMs = performance.now();
    const fetched = await cargo(app, ["fetch"], { CARGO_REGISTRIES_OURS_INDEX: index });
    if (!fetched.ok) throw new Error(fetched.text);
    return performance.now() - startedMs;
  };
  const [ours, plain]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    plain.push(await timed(place.staticUrl, undefined, `sparse+${place.staticUrl}/index/`));
    ours.push(await timed(place.origin, place.developer, `sparse+${place.origin}/crates/index/`));
  }
  const [oursMs, plainMs] = [median(ours), median(plain)];
  return line(`cargo fetch of ${crates} crates of ${CRATE_BYTES} bytes, nothing cached`, oursMs, plainMs, [
    `medians of ${rounds} runs in turns; crates lie in ${place.backend}; every request but the static server's is checked for its token`,
  ]);
}

async function sccacheHits(context: RowContext, place: RegistryPlace): Promise<Line> {
  const count = bySize(context, { full: 2000, quick: 600, tiny: 5 });
  const object = await place.storeObject(randomBytes(32).toString("hex"), randomBytes(OBJECT_BYTES));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const [ours, plain]: [number[], number[]] = [[], []];
  for (let at = 0; at < count; at += 1) {
    plain.push(await timedGet(agent, object.plain, undefined));
    ours.push(await timedGet(agent, object.ours, place.developer));
  }
  agent.destroy();
  return line(`a hit of sccache, ${OBJECT_BYTES} bytes`, median(ours), median(plain), [
    `medians of ${count} requests in turns, one at a time on one connection each`,
  ]);
}

function timedGet(agent: Agent, url: string, token: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const asked = request(url, { agent, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }, (answer) => {
      let sizeBytes = 0;
      answer.on("data", (chunk: Buffer) => (sizeBytes += chunk.length));
      answer.on("end", () => {
        if (answer.statusCode === 200 && sizeBytes === OBJECT_BYTES) resolve(performance.now() - startedMs);
        else reject(new Error(`${url} answered ${answer.statusCode} with ${sizeBytes} bytes`));
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

function line(what: string, oursMs: number, plainMs: number, notes: readonly string[]): Line {
  return {
    what,
    ours: { value: oursMs, unit: "ms" },
    against: { value: plainMs, unit: "ms (static file server)" },
    ratio: oursMs / plainMs,
    target: "≤ 2 × the time of a static file server",
    met: oursMs <= 2 * plainMs,
    notes: [...notes, "here a smaller ratio is better"],
  };
}
