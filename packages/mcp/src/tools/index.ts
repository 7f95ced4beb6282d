// All tools, in the order in which they are listed.
import { KNOWLEDGE_TOOLS } from "./knowledge.ts";
import { OP_TOOLS } from "./ops.ts";
import { RUN_TOOLS } from "./runs.ts";
import type { Tool } from "./tool.ts";

export const TOOLS: readonly Tool[] = [...KNOWLEDGE_TOOLS, ...RUN_TOOLS, ...OP_TOOLS];
