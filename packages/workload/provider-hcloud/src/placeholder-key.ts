// The SSH key of the project that every runner names: without one the cloud makes a root password and mails it.
//
// 1. Its private half is never written down: nobody can log in with it. Who may log in is said by cloud-init.
import { generateKeyPairSync } from "node:crypto";
import { TriplaneError } from "@triplane/contract";
import { oneSshKeySchema, sshKeySchema } from "./client/answers.ts";
import type { HcloudClient } from "./client/client.ts";

const NAME = "triplane-no-password";

export class PlaceholderKey {
  readonly #client: HcloudClient;
  #id: Promise<number> | undefined;

  constructor(client: HcloudClient) {
    this.#client = client;
  }

  /** Its id; asked for once, made where it is missing. */
  id(signal: AbortSignal): Promise<number> {
    this.#id ??= this.#findOrMake(signal).catch((error: unknown) => {
      this.#id = undefined;
      throw error;
    });
    return this.#id;
  }

  /** Somebody deleted it: it is looked for again. */
  forget(): void {
    this.#id = undefined;
  }

  async #findOrMake(signal: AbortSignal): Promise<number> {
    const there = await this.#find(signal);
    if (there !== undefined) return there;
    try {
      const body = { name: NAME, public_key: publicKey(), labels: { "managed-by": "triplane" } };
      const { ssh_key } = await this.#client.ask({ method: "POST", path: "/ssh_keys", body }, oneSshKeySchema, signal);
      return ssh_key.id;
    } catch (error) {
      // Another pool made it meanwhile, or the answer was lost. A runner was not made in any case.
      if (!(error instanceof TriplaneError) || !["provider_name_taken", "provider_unknown_outcome"].includes(error.code)) throw error;
      const made = await this.#find(signal);
      if (made !== undefined) return made;
      throw new TriplaneError("provider_failed", `the SSH key ${NAME} could not be made`, { cause: error });
    }
  }

  async #find(signal: AbortSignal): Promise<number | undefined> {
    const keys = await this.#client.list("/ssh_keys", "ssh_keys", sshKeySchema, [["name", NAME]], signal);
    return keys.find(({ name }) => name === NAME)?.id;
  }
}

function publicKey(): string {
  const { publicKey: key } = generateKeyPairSync("ed25519");
  const raw = key.export({ format: "der", type: "spki" }).subarray(-32);
  const part = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  return `ssh-ed25519 ${Buffer.concat([part(Buffer.from("ssh-ed25519")), part(raw)]).toString("base64")}`;
}
