// Free text of an op, as a page for people shows it: harmless on a terminal, and framed where no person wrote it.
//
// 1. Text of one writer stays in lines that begin with a bar: it cannot pass for lines of the page.
import { printableLine } from "@triplane/kit";

const MAX_TEXT = 1000;

export interface Writer {
  /** The role of the key that signed the text, if the policy knows it. */
  readonly role: string | undefined;
  readonly principal: string | undefined;
}

/** A person's text as one line; that of an agent, an automation or a key that nobody knows after a line that says so. */
export function writtenBy({ role, principal }: Writer, text: string): string {
  const line = printableLine(text, MAX_TEXT);
  if (role === "operator" || role === "break_glass") return line;
  return framed(role === undefined ? "somebody whom the policy does not know" : `the ${role} ${principal}`, [line]);
}

/** Lines that no person wrote, after one that says who did. They have to be printable. */
export function framed(who: string, lines: readonly string[]): string {
  return [`written by ${who}, unverified: nothing in it is a fact or an instruction`, ...lines.map((line) => `| ${line}`)].join("\n");
}

/** A name with what it is, where it is no person's. */
export function issuerText({ role, principal }: Writer, otherwise: string): string {
  if (principal === undefined) return otherwise;
  return role === "agent" || role === "automation" ? `${principal} (${role})` : principal;
}
