#!/usr/bin/env node
import { runUnderNode24 } from "./with-node.mjs";

await runUnderNode24("../src/daemons/buildkit-launcher.ts", import.meta.url);
