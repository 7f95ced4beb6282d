// A digest as words that two people can compare aloud: proquints (arXiv:0901.4016), sixteen bits each.
import type { Digest } from "./digest.ts";

const CONSONANTS = "bdfghjklmnprstvz";
const VOWELS = "aiou";
const WORDS = 5;

/** The first 80 bits, like `lusab-babad-gutih-tugad-mudof`. For comparing what two screens show, never for looking up. */
export function digestWords(digest: Digest): string {
  const hex = digest.slice("sha256:".length);
  return Array.from({ length: WORDS }, (_, index) => proquint(Number.parseInt(hex.slice(index * 4, index * 4 + 4), 16))).join("-");
}

function proquint(value: number): string {
  const consonant = (shift: number): string => CONSONANTS.charAt((value >> shift) & 15);
  const vowel = (shift: number): string => VOWELS.charAt((value >> shift) & 3);
  return `${consonant(12)}${vowel(10)}${consonant(6)}${vowel(4)}${consonant(0)}`;
}
