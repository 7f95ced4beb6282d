import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Simulator, type SimulatorOptions, startSimulator } from "@triplane/hcloud-sim";
import { tempDir, toolOrSkip } from "@triplane/testkit";
import { type Ran, run } from "../e2e/program.ts";

const TOKEN = "a-token-of-the-project";

interface Place {
  readonly simulator: Simulator;
  readonly folder: string;
  hcloud(...args: readonly string[]): Promise<Ran>;
  /** Standard output of a call that has to succeed. */
  says(...args: readonly string[]): Promise<string>;
}

function peer(name: string, body: (place: Place) => Promise<void>, options: SimulatorOptions = {}): void {
  it(name, { timeout: 120_000 }, async (context) => {
    const path = await toolOrSkip(context, "hcloud", "agreement of hcloud-sim with it");
    if (path === undefined) return;
    await using simulator = await startSimulator({ token: TOKEN, speed: 1000, ...options });
    await using folder = await tempDir("hcloud-peer");
    const env = { HOME: folder.path, HCLOUD_ENDPOINT: simulator.endpoint, HCLOUD_TOKEN: TOKEN };
    const hcloud = (...args: readonly string[]): Promise<Ran> => run(path, args, { cwd: folder.path, env });
    const says = async (...args: readonly string[]): Promise<string> => {
      const ran = await hcloud(...args);
      assert.equal(ran.code, 0, `hcloud ${args.join(" ")}: ${ran.err}`);
      return ran.out;
    };
    await body({ simulator, folder: folder.path, hcloud, says });
  });
}

async function key({ folder, says }: Place): Promise<void> {
  const raw = generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"), Buffer.from([0, 0, 0, 32]), raw]);
  await writeFile(join(folder, "key.pub"), `ssh-ed25519 ${blob.toString("base64")} ana\n`);
  await says("ssh-key", "create", "--name", "ana", "--public-key-from-file", "key.pub");
}

const CREATE = ["server", "create", "--type", "cx23", "--image", "debian-12", "--ssh-key", "ana"] as const;

describe("peer: the official hcloud CLI is a client of hcloud-sim", () => {
  peer("what can be bought: types, locations, images", async ({ says }) => {
    assert.match(await says("server-type", "list", "-o", "columns=name,cores,memory,disk", "-o", "noheader"), /^cx23 +2 +4\.0 GB +40 GB$/m);
    assert.match(await says("location", "list"), /fsn1 .*Falkenstein/);
    assert.match(await says("image", "list", "--type", "system"), /debian-12/);
    const type = JSON.parse(await says("server-type", "describe", "cx22", "-o", "json"));
    assert.equal(type.name, "cx22");
  });

  peer("a server is created, listed by label, described, relabelled, switched off and on, rebuilt and deleted", async (place) => {
    const { says } = place;
    await key(place);
    const created = await says(...CREATE, "--name", "web", "--location", "nbg1", "--label", "lease=l1", "--label", "pool=main");
    assert.match(created, /Server \d+ created\nIPv4: 198\.18\.\d+\.\d+/);
    assert.match(await says("server", "list", "-l", "lease=l1"), /web +running +198\.18\./);
    assert.doesNotMatch(await says("server", "list", "-l", "lease notin (l1)"), /web/);
    assert.match(await says("server", "describe", "web"), /Status:\s+running[\s\S]*Name:\s+cx23[\s\S]*lease: ?l1/);
    await says("server", "add-label", "web", "more=x");
    assert.match(await says("server", "list", "-l", "more,pool in (main,other)"), /web/);
    await says("server", "poweroff", "web");
    assert.match(await says("server", "list"), /web +off/);
    await says("server", "poweron", "web");
    await says("server", "rebuild", "--image", "debian-13", "web");
    assert.match(await says("server", "describe", "web"), /Name:\s+debian-13/);
    await says("server", "enable-protection", "web", "delete", "rebuild");
    assert.equal((await place.hcloud("server", "delete", "web")).code, 1);
    await says("server", "disable-protection", "web", "delete", "rebuild");
    assert.match(await says("server", "delete", "web"), /Server web deleted/);
  });

  peer("a snapshot is made, listed by label, relabelled, protected, booted and deleted", async (place) => {
    const { says } = place;
    await key(place);
    await says(...CREATE, "--name", "golden");
    const made = await says(
      "server",
      "create-image",
      "--type",
      "snapshot",
      "--description",
      "golden 1",
      "--label",
      "golden=candidate",
      "golden",
    );
    const id = /Image (\d+) created/.exec(made)?.[1] ?? "";
    assert.match(
      await says("image", "list", "-t", "snapshot", "-l", "golden=candidate"),
      new RegExp(`${id} +snapshot +- +golden 1 +1\\.60 GB +40 GB`),
    );
    await says("image", "add-label", "--overwrite", id, "golden=current");
    await says("image", "enable-protection", id, "delete");
    const refused = await place.hcloud("image", "delete", id);
    assert.match(refused.err, /\(protected/);
    await says("server", "create", "--type", "cx33", "--image", id, "--ssh-key", "ana", "--name", "canary");
    assert.match(await says("server", "describe", "canary"), /Type:\s+snapshot/);
    await says("image", "disable-protection", id, "delete");
    await says("image", "delete", id);
    assert.equal((await place.hcloud("image", "describe", id)).code, 1);
  });

  peer("pages: a list is whole though a page has one entry", async (place) => {
    await key(place);
    for (const name of ["a", "b", "c"]) await place.says(...CREATE, "--name", name, "--start-after-create=false");
    place.simulator.script({ do: "page_size", size: 1 });
    const names = await place.says("server", "list", "-o", "columns=name", "-o", "noheader");
    assert.deepEqual(names.trim().split(/\s+/), ["a", "b", "c"]);
  });

  for (const [code, text] of [
    ["resource_unavailable", "error during placement"],
    ["rate_limit_exceeded", "limit of 3600 requests per hour reached"],
    ["uniqueness_error", "server name is already used"],
    ["locked", "server is locked"],
    ["server_error", "an internal server error occurred"],
  ] as const) {
    peer(`errors: ${code} is told as such`, async (place) => {
      await key(place);
      place.simulator.script({ do: "error", code, when: { method: "POST", path: "/servers" }, times: "always" });
      const { code: exit, err } = await place.hcloud(...CREATE, "--name", "web");
      assert.equal(exit, 1);
      assert.ok(err.includes(`${text} (${code}`), err);
    });
  }

  peer("errors: a wrong token, an unknown server, an action that fails", async (place) => {
    await key(place);
    place.simulator.script({ do: "fail", code: "action_failed", message: "no host has room", when: { command: "create_server" } });
    assert.match((await place.hcloud(...CREATE, "--name", "web")).err, /no host has room/);
    assert.match((await place.hcloud("server", "describe", "nobody")).err, /server not found: nobody/);
    place.simulator.script({ do: "error", code: "unauthorized" });
    assert.match((await place.hcloud("server", "list")).err, /\(unauthorized/);
  });
});
