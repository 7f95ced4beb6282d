// The addresses of runners: a private IPv4 range, its first address is the machine's own as runners see it.
import { TriplaneError } from "@triplane/contract";

export interface AddressRange {
  /** The machine, for runners. */
  readonly gateway: string;
  /** How many runners fit. */
  readonly size: number;
  /** Address number `index` of a runner, from 0. */
  at(index: number): string;
}

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;
const PRIVATE: readonly (readonly [base: number, bits: number])[] = [
  [0x0a000000, 8],
  [0xac100000, 12],
  [0xc0a80000, 16],
];

/** Reads `10.201.0.0/24`. Throws `config_invalid` for what is not a private range (RFC 1918) of /16 to /29. */
export function addressRange(text: string): AddressRange {
  const match = CIDR.exec(text);
  const octets = (match ?? []).slice(1, 5).map(Number);
  const bits = Number(match?.[5]);
  if (match === null || octets.some((octet) => octet > 255) || bits < 16 || bits > 29)
    throw wrong(text, "is not a range like 10.201.0.0/24");
  const base = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const size = 2 ** (32 - bits);
  if (base % size !== 0) throw wrong(text, "does not begin where a range of its size begins");
  if (!PRIVATE.some(([start, prefix]) => bits >= prefix && base >= start && base < start + 2 ** (32 - prefix)))
    throw wrong(text, "is not private (RFC 1918)");
  const show = (number: number): string => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
  // Without the network's address, the gateway and the broadcast address.
  return { gateway: show(base + 1), size: size - 3, at: (index) => show(base + 2 + index) };
}

function wrong(text: string, why: string): TriplaneError {
  return new TriplaneError("config_invalid", `network ${JSON.stringify(text)} ${why}`);
}
