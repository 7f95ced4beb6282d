// For tests that wait for processes to come and go.
import { readFileSync } from "node:fs";
import { sleep } from "@triplane/kit";

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error("it did not come to that");
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody waits for is no life.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
