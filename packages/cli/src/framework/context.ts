// The real surroundings of a command: this process's environment, streams, clock and signals.
import { TriplaneError } from "@triplane/contract";
import { printableJson, systemClock, systemRandom } from "@triplane/kit";
import { askSecret } from "./ask-secret.ts";
import type { CommandContext } from "./command.ts";
import type { Streams } from "./shell.ts";

const MAX_INPUT_BYTES = 4 * 1024 * 1024;

export function processContext(json: boolean, streams: Streams, signal: AbortSignal): CommandContext {
  return {
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    random: systemRandom,
    signal,
    terminal: process.stderr.isTTY === true,
    json,
    progress: (line) => streams.err(`${line}\n`),
    emit: (event, text) => streams.out(json ? `${printableJson(JSON.stringify(event))}\n` : `${text}\n`),
    readInput: readStandardInput,
    askSecret,
  };
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_INPUT_BYTES) throw new TriplaneError("usage", `standard input has more than ${MAX_INPUT_BYTES} bytes`);
    chunks.push(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new TriplaneError("usage", "standard input is not UTF-8", { cause });
  }
}
