// The real clock and the real source of randomness; tests bring their own.
import { randomBytes } from "node:crypto";
import type { Clock, Random } from "@triplane/contract";

export const systemClock: Clock = { nowMs: () => Date.now() };

export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
