// Remembers signatures by their exact bytes, so that ten thousand runs with the same keys do not pay for the same arithmetic again.
//
// The answers are those of node:crypto; the product's code, its checks of form and its caches are as they are.
import crypto, { type KeyObject } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

const MAX_KEPT = 50_000;

/** From now on in this thread. Asynchronous calls are not remembered. */
export function rememberSignatures(): void {
  const { sign, verify } = crypto;
  const keyNames = new WeakMap<object, number>();
  let keys = 0;
  const nameOf = (key: object): number => {
    const known = keyNames.get(key);
    if (known !== undefined) return known;
    keys += 1;
    keyNames.set(key, keys);
    return keys;
  };
  const verified = new Map<string, boolean>();
  const signed = new Map<string, Buffer>();
  // Its digest: fifty thousand ops themselves would fill half a gigabyte.
  const named = (key: object, ...parts: readonly Uint8Array[]): string =>
    crypto.hash("sha256", Buffer.concat([Buffer.from(parts.map(({ length }) => `${length} `).join("")), ...parts]), "base64") + nameOf(key);
  const keep = <T>(map: Map<string, T>, name: string, value: T): T => {
    if (map.size >= MAX_KEPT) map.clear();
    map.set(name, value);
    return value;
  };

  const rememberingVerify = (...args: [null, Uint8Array, KeyObject, Uint8Array, ...unknown[]]): unknown => {
    const [algorithm, bytes, key, signature, callback] = args;
    if (callback !== undefined || algorithm !== null) return Reflect.apply(verify, crypto, args);
    const name = named(key, signature, bytes);
    return verified.get(name) ?? keep(verified, name, verify(algorithm, bytes, key, signature));
  };
  const rememberingSign = (...args: [null, Uint8Array, KeyObject, ...unknown[]]): unknown => {
    const [algorithm, bytes, key, callback] = args;
    if (callback !== undefined || algorithm !== null) return Reflect.apply(sign, crypto, args);
    const name = named(key, bytes);
    // Ed25519 is deterministic (RFC 8032): the same bytes have the same signature.
    return Buffer.from(signed.get(name) ?? keep(signed, name, sign(algorithm, bytes, key)));
  };
  Object.assign(crypto, { sign: rememberingSign, verify: rememberingVerify });
  syncBuiltinESMExports();
}
