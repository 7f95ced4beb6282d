// The data types of RFC 4251 section 5 that key files and agents use, read strictly and with limits.

/** Reads what a stranger wrote; every way of running over an end throws what `fail` makes. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #fail: (why: string) => Error;
  #at = 0;

  constructor(bytes: Buffer, fail: (why: string) => Error) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw this.#fail("it ends too early");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString("utf8");
  }

  /** Everything that is left. */
  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#fail("something follows its end");
  }
}

export function wireUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function wireString(content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content as Uint8Array);
  return Buffer.concat([wireUint32(bytes.length), bytes]);
}

export const SSH_ED25519 = "ssh-ed25519";

/** A public key as SSH writes it (RFC 8709 section 4). */
export function sshPublicKey(publicKey: Uint8Array): Buffer {
  return Buffer.concat([wireString(SSH_ED25519), wireString(publicKey)]);
}
