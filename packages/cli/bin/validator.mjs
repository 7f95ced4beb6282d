#!/usr/bin/env node
import { runUnderNode24 } from "./with-node.mjs";

await runUnderNode24("../src/daemons/validator.ts", import.meta.url);
