#!/usr/bin/env node
import { runUnderNode24 } from "./with-node.mjs";

await runUnderNode24("../src/daemons/keeper-daemon.ts", import.meta.url);
