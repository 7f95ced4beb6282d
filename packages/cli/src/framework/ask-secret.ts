// Asks a person at the terminal for something that is not shown while it is typed.
import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { TriplaneError } from "@triplane/contract";

const MAX_CHARS = 1024;
const ENTER = new Set(["\r", "\n"]);
const ERASE = new Set(["\b", "\x7f"]);
const ERASE_LINE = "\x15";
const STOP = new Set(["\x03", "\x04"]);

/** Undefined where the process has no terminal. Throws `usage` where the person stops it. */
export async function askSecret(question: string): Promise<string | undefined> {
  let descriptor: number;
  try {
    descriptor = openSync("/dev/tty", "r+");
  } catch {
    return undefined;
  }
  let terminal: ReadStream;
  try {
    terminal = new ReadStream(descriptor);
  } catch {
    closeSync(descriptor);
    return undefined;
  }
  // Not echoed before the question is: what is typed ahead stays hidden as well.
  terminal.setRawMode(true);
  terminal.write(question);
  try {
    return await readLine(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.write("\n");
    terminal.destroy();
  }
}

function readLine(terminal: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    terminal.setEncoding("utf8");
    terminal.on("error", reject);
    terminal.on("end", () => reject(new TriplaneError("usage", "the terminal was closed")));
    terminal.on("data", (chunk: string) => {
      for (const sign of chunk) {
        if (ENTER.has(sign)) return resolve(typed.join(""));
        if (STOP.has(sign)) return reject(new TriplaneError("usage", "stopped; nothing was changed"));
        if (ERASE.has(sign)) typed = typed.slice(0, -1);
        else if (sign === ERASE_LINE) typed = [];
        else if (typed.length < MAX_CHARS) typed.push(sign);
      }
    });
  });
}
