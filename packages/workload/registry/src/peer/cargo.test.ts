// The machine's cargo against /crates: publish, fetch, build, yank, and what is refused. Crates lie in a real registry as OCI artifacts.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readCargoLock } from "../crates/mirror/cargo-lock.ts";
import { mirrorCrates } from "../crates/mirror/mirror.ts";
import { BACKENDS, type BackendName, whyMissing } from "../testing/backends.ts";
import { cargoAt, hasCargo, writeCrate } from "../testing/cargo.ts";
import { type RegistryPlace, startRegistry } from "../testing/registry-place.ts";

const USES = (requirement: string): string => `[dependencies]\npeer-leaf = { version = "${requirement}", registry = "ours" }\n`;
const LEAF = (answer: number): string => `pub fn answer() -> u32 { ${answer} }\n`;

function eachBackend(name: string, body: (place: RegistryPlace) => Promise<void>): void {
  const run = async (context: TestContext, backend: BackendName): Promise<void> => {
    const missing = await whyMissing(backend);
    if (missing !== undefined) return context.skip(missing);
    if (!(await hasCargo(context))) return;
    await using place = await startRegistry(backend);
    await body(place);
  };
  for (const backend of BACKENDS) test(`peer cargo, ${backend}: ${name}`, { timeout: 300_000 }, (context) => run(context, backend));
}

eachBackend(
  "publishes, fetches, builds and yanks; a version is published once; a new gateway knows what the old one knew",
  async (place) => {
    const publisher = await cargoAt(place.origin, place.secrets["crate-publisher"], join(place.folder, "publisher"));
    const publish = ["publish", "--registry", "ours", "--allow-dirty", "--no-verify"];
    for (const [version, answer] of [
      ["1.0.0", 1],
      ["1.1.0", 2],
    ] as const) {
      const crate = await writeCrate(place.folder, {
        name: "peer-leaf",
        version,
        source: LEAF(answer),
        manifest: "[features]\nextra = []\n",
      });
      const published = await publisher(crate, publish);
      assert.ok(published.ok, published.text);
    }
    // The same version with other content: refused, and what was there stays.
    const again = await writeCrate(join(place.folder, "again"), { name: "peer-leaf", version: "1.1.0", source: LEAF(3) });
    const twice = await publisher(again, publish);
    assert.ok(!twice.ok && /already (published|exists|uploaded)|is published already/.test(twice.text), twice.text);

    // A crate that depends on one of ours, and a program that uses both.
    const middle = await writeCrate(place.folder, {
      name: "peer_middle",
      version: "0.1.0",
      manifest: USES("1"),
      source: "pub fn twice() -> u32 { 2 * peer_leaf::answer() }\n",
    });
    const published = await publisher(middle, publish);
    assert.ok(published.ok, published.text);
    const program = {
      name: "peer-app",
      version: "0.1.0",
      isProgram: true,
      source: 'fn main() { println!("twice is {}", peer_middle::twice()); }\n',
    };
    const manifest = '[dependencies]\npeer_middle = { version = "0.1", registry = "ours" }\n';
    const app = await writeCrate(place.folder, { ...program, manifest });
    const desk = await cargoAt(place.origin, place.secrets.developer, join(place.folder, "desk"));
    const built = await desk(app, ["run"]);
    assert.ok(built.ok && built.text.includes("twice is 4"), built.text);

    // Yanked: who has it in a lock file keeps it, who resolves anew gets another one.
    const yanked = await publisher(place.folder, ["yank", "--registry", "ours", "--version", "1.1.0", "peer-leaf"]);
    assert.ok(yanked.ok, yanked.text);
    await place.restartGateway();
    await place.backend.restart();
    const locked = await (await cargoAt(place.origin, place.secrets.developer, join(place.folder, "another-desk")))(app, [
      "run",
      "--locked",
    ]);
    assert.ok(locked.ok && locked.text.includes("twice is 4"), locked.text);
    const fresh = await writeCrate(join(place.folder, "fresh"), { ...program, manifest });
    const resolved = await desk(fresh, ["run"]);
    assert.ok(resolved.ok && resolved.text.includes("twice is 2"), resolved.text);
    const unyanked = await publisher(place.folder, ["yank", "--undo", "--registry", "ours", "--version", "1.1.0", "peer-leaf"]);
    assert.ok(unyanked.ok, unyanked.text);
    const newest = await writeCrate(join(place.folder, "newest"), { ...program, manifest });
    const latest = await desk(newest, ["run"]);
    assert.ok(latest.ok && latest.text.includes("twice is 4"), latest.text);
  },
);

eachBackend("is refused what its token does not allow, and told so in its own words", async (place) => {
  const publish = ["publish", "--registry", "ours", "--allow-dirty", "--no-verify"];
  const crate = await writeCrate(place.folder, { name: "peer-leaf", version: "1.0.0", source: LEAF(1) });
  const as = (name: string, token: string | undefined) => cargoAt(place.origin, token, join(place.folder, name));
  for (const [name, token, said] of [
    ["nobody", undefined, /no token found|token/i],
    ["stranger", "tpr_unknown", /401|unauthorized|token rejected/i],
    ["reader", place.secrets.developer, /no right to push crates/],
    ["woodpecker", place.secrets.woodpecker, /403|no right to pull crates/],
  ] as const) {
    const answer = await (await as(name, token))(crate, publish);
    assert.ok(!answer.ok && said.test(answer.text), `${name}: ${answer.text}`);
  }
  const publisher = await as("publisher", place.secrets["crate-publisher"]);
  assert.ok((await publisher(crate, publish)).ok);
  // cargo takes `_` and `-` for the same.
  const twin = await writeCrate(place.folder, { name: "peer_leaf", version: "2.0.0", source: LEAF(2) });
  const mistaken = await publisher(twin, publish);
  assert.ok(!mistaken.ok && mistaken.text.includes("would be mistaken for the crate peer-leaf"), mistaken.text);
  const app = await writeCrate(place.folder, { name: "peer-app", version: "0.1.0", manifest: USES("1"), source: "" });
  const blind = await (await as("blind", undefined))(app, ["fetch"]);
  assert.ok(!blind.ok, blind.text);
});

eachBackend("builds what a lock file names from the mirror alone, from bytes that cargo had downloaded elsewhere", async (place) => {
  // Another registry, as crates.io is to us: two crates, one of which needs the other by a name of its own.
  await using upstream = await startRegistry(place.backend.name);
  const elsewhere = await cargoAt(upstream.origin, upstream.secrets["crate-publisher"], join(place.folder, "elsewhere"));
  const publish = ["publish", "--registry", "ours", "--allow-dirty", "--no-verify"];
  const leaf = await writeCrate(place.folder, {
    name: "peer-leaf",
    version: "1.0.0",
    source: LEAF(21),
    manifest: "[features]\nextra = []\n",
  });
  const renamed =
    '[dependencies]\nleaf = { package = "peer-leaf", version = "1", registry = "ours", optional = true }\n[features]\ndefault = ["dep:leaf"]\n';
  const middle = await writeCrate(place.folder, {
    name: "peer_middle",
    version: "0.1.0",
    manifest: renamed,
    source: "pub fn twice() -> u32 { 2 * leaf::answer() }\n",
  });
  for (const crate of [leaf, middle]) {
    const published = await elsewhere(crate, publish);
    assert.ok(published.ok, published.text);
  }
  const manifest = '[dependencies]\npeer_middle = { version = "0.1", registry = "ours" }\n';
  const program = {
    name: "peer-app",
    version: "0.1.0",
    isProgram: true,
    source: 'fn main() { println!("twice is {}", peer_middle::twice()); }\n',
  };
  const app = await writeCrate(place.folder, { ...program, manifest });
  const fetched = await elsewhere(app, ["fetch"]);
  assert.ok(fetched.ok, fetched.text);

  const lock = readCargoLock(await readFile(join(app, "Cargo.lock"), "utf8"));
  assert.deepEqual(lock.map(({ name }) => name).toSorted(), ["peer-leaf", "peer_middle"]);
  const options = {
    origin: place.origin,
    cargoHome: join(place.folder, "elsewhere"),
    signal: new AbortController().signal,
    onCrate: () => undefined,
  };
  const mirror = async (token: string) => (await mirrorCrates(lock, { ...options, token })).map(({ outcome }) => outcome);
  assert.deepEqual(await mirror(place.secrets["crate-publisher"]), ["published", "published"]);
  assert.deepEqual(await mirror(place.secrets["crate-publisher"]), ["there", "there"]);
  await assert.rejects(mirror(place.secrets.woodpecker), { code: "forbidden" });

  // The upstream is gone; the sources of the lock file are replaced by ours.
  await upstream[Symbol.asyncDispose]();
  const desk = await cargoAt(upstream.origin, undefined, join(place.folder, "desk"));
  const replaced = {
    CARGO_REGISTRIES_MIRROR_INDEX: `sparse+${place.origin}/crates/index/`,
    CARGO_REGISTRIES_MIRROR_TOKEN: place.secrets.developer,
  };
  const source = `sparse+${upstream.origin}/crates/index/`;
  const built = await desk(
    app,
    ["run", "--locked", "--config", `source.upstream.registry="${source}"`, "--config", 'source.upstream.replace-with="mirror"'],
    replaced,
  );
  assert.ok(built.ok && built.text.includes("twice is 42"), built.text);
});
