#!/usr/bin/env node
import { runUnderNode24 } from "./with-node.mjs";

await runUnderNode24("../src/ontoref.ts", import.meta.url);
