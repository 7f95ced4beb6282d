// Ports that several rooms share: the outside world comes in as arguments.

/** Milliseconds since 1970. */
export interface Clock {
  nowMs(): number;
}

/** Source of random bytes. */
export interface Random {
  bytes(count: number): Uint8Array;
}

export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000);
}
