// Reaches the failpoints of its arguments in turn and tells each that it survived; with `--until-killed` again and again, telling the time.
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Failpoint, failpoint } from "@triplane/contract";

const [first, ...rest] = process.argv.slice(2) as Failpoint[];
if ((first as string) === "--until-killed") {
  const file = join(process.env["TRIPLANE_FAULTS_DIR"] ?? "", "now");
  for (;;) {
    for (const name of rest) failpoint(name);
    writeFileSync(`${file}.new`, String(Date.now()));
    renameSync(`${file}.new`, file);
    await pause(10);
  }
}
for (const name of [...(first === undefined ? [] : [first]), ...rest]) {
  failpoint(name);
  console.log(`after ${name}`);
}
