// Asking a process whether it is well.

export interface HealthAnswer {
  readonly ok: boolean;
  /** What the process says of itself, or why it could not be asked. */
  readonly detail: unknown;
}

/** One question with a limit; never throws. */
export async function askHealth(url: string, timeoutMs = 2_000): Promise<HealthAnswer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "error" });
    const text = (await response.text()).slice(0, 4096);
    return { ok: response.ok, detail: parse(text) };
  } catch (error) {
    return {
      ok: false,
      detail: error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error),
    };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}
