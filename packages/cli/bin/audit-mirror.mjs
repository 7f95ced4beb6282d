#!/usr/bin/env node
import { runUnderNode24 } from "./with-node.mjs";

await runUnderNode24("../src/daemons/audit-mirror.ts", import.meta.url);
