// Host keys for tests: made where they are needed, other for each number.
import { createHash } from "node:crypto";
import { type HostKey, hostKeyOf } from "../host-key.ts";

export function someHostKey(number: number): HostKey {
  return hostKeyOf(new Uint8Array(createHash("sha256").update(`test ${number}`).digest()), "lease");
}
