// Temporary folders and environment variables that a test leaves behind as it found them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** @example await using folder = await tempDir(); */
export async function tempDir(label = "test"): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), `triplane-${label}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Runs `body` with these environment variables; `undefined` removes one. Puts the old values back, whatever happens. */
export async function withEnv<T>(variables: Readonly<Record<string, string | undefined>>, body: () => T | Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  setAll(variables);
  try {
    return await body();
  } finally {
    setAll(before);
  }
}

function setAll(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
