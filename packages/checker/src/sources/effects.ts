// The journal of the driver that keeps settings in files: one line for each time that a file really changed.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";

export interface EffectLine {
  readonly line: number;
  /** Null where a start put things right without an op. */
  readonly jti: string | null;
  readonly target: string;
  readonly action: string;
}

/** No lines where there is no journal: the driver was never used. */
export async function readEffects(path: string): Promise<readonly EffectLine[]> {
  if ((await stat(path).catch(() => undefined)) === undefined) return [];
  const lines: EffectLine[] = [];
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(path) })) {
    number += 1;
    const effect = parse(text);
    // The last line may be half written; one that does not read is evidence of nothing.
    if (effect !== undefined) lines.push({ line: number, ...effect });
  }
  return lines;
}

function parse(text: string): Omit<EffectLine, "line"> | undefined {
  try {
    const { jti, target, action } = JSON.parse(text) as Record<string, unknown>;
    if ((typeof jti === "string" || jti === null) && typeof target === "string" && typeof action === "string")
      return { jti, target, action };
  } catch {
    // Falls through.
  }
  return undefined;
}
