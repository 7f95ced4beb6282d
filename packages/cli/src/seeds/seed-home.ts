// What a seed's folder (its RAD_HOME) says of it: node id from its public key, address from its configuration.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { didOfPublicKey, TriplaneError } from "@triplane/contract";
import { nidOf } from "@triplane/radicle";
import { z } from "zod";

const configSchema = z.object({ node: z.object({ listen: z.array(z.string()), externalAddresses: z.array(z.string()) }) });
/** `ssh-ed25519` and 32 bytes, each with its length before it. */
const KEY_BLOB_BYTES = 51;

/** `NID@HOST:PORT` of a seed that was started once. Throws `config_invalid`. */
export async function seedAddress(folder: string): Promise<string> {
  try {
    const [type, blob] = (await readFile(join(folder, "keys", "radicle.pub"), "utf8")).split(" ");
    const key = Buffer.from(blob ?? "", "base64");
    if (type !== "ssh-ed25519" || key.length !== KEY_BLOB_BYTES) throw new Error("its key is not Ed25519");
    const { node } = configSchema.parse(JSON.parse(await readFile(join(folder, "config.json"), "utf8")));
    const address = node.externalAddresses[0] ?? node.listen[0];
    if (address === undefined) throw new Error("it listens nowhere");
    return `${nidOf(didOfPublicKey(key.subarray(-32)))}@${address}`;
  } catch (cause) {
    throw new TriplaneError(
      "config_invalid",
      `${folder} is not the folder of a seed: ${cause instanceof Error ? cause.message : "unreadable"}`,
      {
        cause,
        hint: "`triplane seed run FOLDER` makes one.",
      },
    );
  }
}
