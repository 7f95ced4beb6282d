// Number literals. Nickel's numbers are exact; JavaScript's are not, so a literal that would change its value is refused.
import { failAt } from "./refusals.ts";
import type { Place } from "./source-position.ts";

/** Throws `nickel_number_inexact` for a literal whose value JavaScript's numbers cannot show again. */
export function readNumber(literal: string, place: Place): number {
  const value = Number(literal);
  const exact = /^0[xob]/.test(literal) ? Number.isSafeInteger(value) : Number.isFinite(value) && sameDecimal(literal, value);
  if (!exact) throw failAt("nickel_number_inexact", place, `${literal.slice(0, 64)} cannot be kept exactly`);
  return value;
}

/** Whether the shortest decimal of `value` is the literal's decimal. */
function sameDecimal(literal: string, value: number): boolean {
  const [digits, exponent] = normalDecimal(literal);
  const [shownDigits, shownExponent] = normalDecimal(String(value));
  return digits === shownDigits && exponent === shownExponent;
}

/** A decimal as significant digits without zeros at either end, and the power of ten of the last one. */
function normalDecimal(text: string): readonly [string, number] {
  const [mantissa = "", power = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return ["", 0];
  return [digits, Number(power) - fraction.length + (all.length - digits.length)];
}
