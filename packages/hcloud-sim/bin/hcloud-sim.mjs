#!/usr/bin/env node
// Starts hcloud-sim. Plain JavaScript: it must load on older Nodes and say what is wrong.
if (Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(`hcloud-sim needs Node 24 or later, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  await import("../src/program.ts");
}
