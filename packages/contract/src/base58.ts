// base58btc as multibase uses it (prefix "z").
import { TriplaneError } from "./failures/index.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const MAX_CHARS = 256;

export function encodeBase58(bytes: Uint8Array): string {
  let zeros = 0;
  while (zeros < bytes.length && bytes[zeros] === 0) zeros += 1;
  let number = 0n;
  for (const byte of bytes) number = number * 256n + BigInt(byte);
  let digits = "";
  while (number > 0n) {
    digits = (ALPHABET[Number(number % 58n)] ?? "") + digits;
    number /= 58n;
  }
  return "1".repeat(zeros) + digits;
}

/** Throws `kid_malformed` for characters outside the alphabet and for more than 256 characters. */
export function decodeBase58(text: string): Uint8Array {
  if (text.length > MAX_CHARS) throw new TriplaneError("kid_malformed", `base58 text of ${text.length} characters is too long`);
  let zeros = 0;
  while (zeros < text.length && text[zeros] === "1") zeros += 1;
  let number = 0n;
  for (const char of text) {
    const digit = ALPHABET.indexOf(char);
    if (digit < 0) throw new TriplaneError("kid_malformed", `${JSON.stringify(char)} is not a base58 character`);
    number = number * 58n + BigInt(digit);
  }
  const bytes: number[] = [];
  while (number > 0n) {
    bytes.unshift(Number(number % 256n));
    number /= 256n;
  }
  return Uint8Array.from([...new Array<number>(zeros).fill(0), ...bytes]);
}
