// A process of the outbox's tests: prepares ops in a folder that others prepare in too. Arguments: folder, count; the seed comes on standard input.
import { text } from "node:stream/consumers";
import { signingKeyFromSeed } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import { Outbox } from "../outbox.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const key = signingKeyFromSeed(new Uint8Array(Buffer.from(await text(process.stdin), "hex")));
const outbox = new Outbox({ folder, audience: "w1/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", clock: systemClock, random: systemRandom });
process.stdout.write("ready\n");
for (let index = 0; index < Number(count); index += 1) {
  await outbox.prepare({ op: "component.restart", target: "web", scope: "apps", args: {}, expected_state_version: 1, expiresInS: 60 }, key);
}
