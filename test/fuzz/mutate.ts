// Broken input, drawn from a seed: valid input with bytes flipped, cut, doubled, moved, or replaced by what parsers stumble over.

/** Marsaglia's xorshift32: fast, and the same on every machine. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return limit <= 0 ? 0 : this.#state % limit;
  }

  pick<T>(from: readonly T[], otherwise: T): T {
    return from[this.below(from.length)] ?? otherwise;
  }
}

/** No input is longer: larger ones are refused by their size at every door, which has tests of its own. */
export const MAX_INPUT_BYTES = 128 * 1024;

const TRICKY: readonly string[] = [
  ...["{", "}", "[", "]", '"', "'", "\\", ",", ":", ".", "=", "\n", "\r\n", "\t", " ", "\0", "\u2028", "\ufeff", "\u202e", "\ud7ff"],
  ...["0", "-0", "-1", "1e309", "1e-400", "9007199254740993", "0x10", "NaN", "Infinity", "00", "1.", ".5", "18446744073709551616"],
  ...["null", "true", "undefined", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then"],
  ...['"\\u0000"', '"\\ud800"', "../", "..", "/", "//", "%00", "%2e%2e%2f", "$(id)", "`id`", ";", "|", "&&", "--", "-", "%{", "m%%"],
  ...["did:key:z6Mk", "sha256:", "rad:z", "refs/", "refs/heads/main", "HEAD", "EdDSA", "none", "HS256", "crit", "jwk", "b64"],
];
const DEEP = 5000;

type Mutation = (input: Uint8Array, dice: Dice, words: readonly string[], others: readonly Uint8Array[]) => Uint8Array;

const flipBit: Mutation = (input, dice) => {
  const copy = new Uint8Array(input);
  const at = dice.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << dice.below(8));
  return copy;
};

const setByte: Mutation = (input, dice) => {
  const copy = new Uint8Array(input);
  copy[dice.below(copy.length)] = dice.below(256);
  return copy;
};

const cut: Mutation = (input, dice) => {
  const from = dice.below(input.length);
  const length = 1 + dice.below(Math.max(1, Math.min(input.length - from, dice.below(2) === 0 ? 4 : input.length)));
  return joined(input.subarray(0, from), input.subarray(from + length));
};

const truncate: Mutation = (input, dice) => input.slice(0, dice.below(input.length));

const double: Mutation = (input, dice) => {
  const from = dice.below(input.length);
  const part = input.subarray(from, from + 1 + dice.below(64));
  const times = 1 + dice.below(dice.below(8) === 0 ? 200 : 3);
  return joined(input.subarray(0, from), ...Array.from({ length: times }, () => part), input.subarray(from));
};

const insertWord: Mutation = (input, dice, words) => {
  const word = new TextEncoder().encode(dice.pick(dice.below(2) === 0 ? TRICKY : words, "{"));
  const at = dice.below(input.length + 1);
  return joined(input.subarray(0, at), word, input.subarray(at + (dice.below(2) === 0 ? word.length : 0)));
};

const replaceNumber: Mutation = (input, dice) => {
  const text = new TextDecoder("latin1").decode(input);
  const numbers = [...text.matchAll(/\d+/g)];
  const found = numbers[dice.below(numbers.length)];
  if (found === undefined) return input;
  const other = dice.pick(["0", "-1", "1e999", "9007199254740992", "4294967296", "2.5", "007"], "0");
  return Buffer.from(text.slice(0, found.index) + other + text.slice(found.index + found[0].length), "latin1");
};

const swapLines: Mutation = (input, dice) => {
  const lines = new TextDecoder("latin1").decode(input).split("\n");
  const [a, b] = [dice.below(lines.length), dice.below(lines.length)];
  [lines[a], lines[b]] = [lines[b] ?? "", lines[a] ?? ""];
  return Buffer.from(lines.join("\n"), "latin1");
};

const nest: Mutation = (input, dice) => {
  const [open, close] = dice.pick(
    [
      ["[", "]"],
      ['{"a":', "}"],
      ["{ a = ", "}"],
      ["(", ")"],
    ],
    ["[", "]"],
  );
  const depth = 1 + dice.below(dice.below(4) === 0 ? DEEP : 40);
  const at = dice.below(input.length + 1);
  const encode = (text: string | undefined): Uint8Array => new TextEncoder().encode((text ?? "").repeat(depth));
  return joined(input.subarray(0, at), encode(open), dice.below(2) === 0 ? encode(close) : new Uint8Array(), input.subarray(at));
};

const splice: Mutation = (input, dice, _, others) => {
  const other = dice.pick(others, input);
  return joined(input.subarray(0, dice.below(input.length)), other.subarray(dice.below(other.length)));
};

const MUTATIONS: readonly Mutation[] = [
  ...[flipBit, setByte, cut, truncate, double, insertWord, insertWord, insertWord, replaceNumber, swapLines, nest, splice],
];

/** One to six mutations of one of the inputs. */
export function mutate(inputs: readonly Uint8Array[], dice: Dice, words: readonly string[] = []): Uint8Array {
  let input = dice.pick(inputs, new Uint8Array());
  for (let rounds = 1 + dice.below(6); rounds > 0; rounds -= 1) {
    if (input.length === 0) input = Uint8Array.of(dice.below(256));
    input = dice.pick(MUTATIONS, flipBit)(input, dice, words, inputs).slice(0, MAX_INPUT_BYTES);
  }
  return input;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
