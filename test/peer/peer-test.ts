// One test named peer: it has the programs or says that it is skipped, and a folder with a short path.
import { it } from "node:test";
import { type TempDir, tempDir } from "@triplane/testkit";
import { type Programs, programs } from "./programs.ts";

const TIMEOUT_MS = 180_000;

export interface PeerPlace {
  readonly programs: Programs;
  /** Empty, and gone after the test. */
  readonly folder: string;
}

export function peer(name: string, body: (place: PeerPlace) => Promise<void>, timeoutMs: number = TIMEOUT_MS): void {
  it(name, { timeout: timeoutMs }, async (context) => {
    const found = await programs(context);
    if (found === undefined) return;
    await using folder: TempDir = await tempDir("p");
    await body({ programs: found, folder: folder.path });
  });
}
