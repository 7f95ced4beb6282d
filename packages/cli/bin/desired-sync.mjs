#!/usr/bin/env node
import { runUnderNode24 } from "./with-node.mjs";

await runUnderNode24("../src/daemons/desired-sync.ts", import.meta.url);
