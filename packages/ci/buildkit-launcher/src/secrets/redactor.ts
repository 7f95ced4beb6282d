// Takes secrets out of text that leaves this process. Pure.

/** Shorter ones would take the log apart and hide nothing. */
const SHORTEST = 4;
const MASK = "***";

/** Each secret, each line of it, and both in base64, become `***`. */
export function redactor(secrets: readonly (string | Uint8Array)[]): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    const text = typeof secret === "string" ? secret : Buffer.from(secret).toString("utf8");
    for (const piece of [text, text.trim(), ...text.split(/\r?\n/).map((line) => line.trim())]) {
      if (piece.length < SHORTEST) continue;
      forms.add(piece);
      // Without its end, which depends on what follows.
      const encoded = Buffer.from(piece).toString("base64").replace(/=+$/, "");
      if (encoded.length >= 2 * SHORTEST) forms.add(encoded.slice(0, -1));
    }
  }
  // The longest first, so that no piece of a secret is left of it.
  const sorted = [...forms].sort((a, b) => b.length - a.length);
  return (text) => sorted.reduce((left, form) => left.replaceAll(form, MASK), text);
}
