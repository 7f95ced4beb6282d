// Asking a process whether it is well: over HTTP, or, for `nats:` addresses, by the greeting of the server.
import { connect } from "node:net";
import { httpExchange } from "@triplane/kit";

const MAX_ANSWER_BYTES = 64 * 1024;

export interface HealthAnswer {
  readonly ok: boolean;
  /** What the process says of itself, or why it could not be asked. */
  readonly detail: unknown;
}

/** One question with a limit; never throws. */
export async function askHealth(url: string, timeoutMs = 2_000): Promise<HealthAnswer> {
  if (url.startsWith("nats:")) return await greetNats(new URL(url), timeoutMs);
  try {
    const { status, text } = await httpExchange(url, { timeoutMs, maxBytes: MAX_ANSWER_BYTES });
    return { ok: status >= 200 && status < 300, detail: parse(text) };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

// A NATS server speaks first: `INFO {…}`.
function greetNats(url: URL, timeoutMs: number): Promise<HealthAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), timeout: timeoutMs });
    const finish = (answer: HealthAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    let greeting = "";
    socket.on("data", (bytes) => {
      greeting += bytes.toString("utf8");
      if (greeting.includes("\r\n"))
        finish(greeting.startsWith("INFO ") ? { ok: true, detail: versionIn(greeting) } : { ok: false, detail: "not NATS" });
    });
    socket.on("timeout", () => finish({ ok: false, detail: "no greeting" }));
    socket.on("error", (error) => finish({ ok: false, detail: error.message }));
    socket.on("close", () => finish({ ok: false, detail: "closed without a greeting" }));
  });
}

function versionIn(greeting: string): object {
  const version = /"version":"([^"]{1,40})"/.exec(greeting)?.[1];
  return version === undefined ? {} : { version };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}
