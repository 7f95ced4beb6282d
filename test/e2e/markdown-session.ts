// Runs the shell blocks of a document in order, in one shell, and tells what each printed.
import { spawn } from "node:child_process";

/** A fenced block and what follows it. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Line of the fence in the document. */
  readonly line: number;
}

export interface Step {
  readonly block: Block;
  /** The `text` block right after it: what the document says it prints. */
  readonly promised: Block | undefined;
}

export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { language: string; lines: string[]; line: number } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^```(\w*)\s*$/.exec(line);
    if (open === undefined && fence !== null) open = { language: fence[1] ?? "", lines: [], line: index + 1 };
    else if (open !== undefined && line === "```") {
      blocks.push({ language: open.language, text: open.lines.join("\n"), line: open.line });
      open = undefined;
    } else open?.lines.push(line);
  }
  if (open !== undefined) throw new Error(`the block that starts in line ${open.line} has no end`);
  return blocks;
}

/** Every `sh` block with the output that the document promises for it. */
export function stepsOf(markdown: string): readonly Step[] {
  const blocks = blocksOf(markdown);
  return blocks.flatMap((block, index) => {
    if (block.language !== "sh") return [];
    const next = blocks[index + 1];
    return [{ block, promised: next?.language === "text" ? next : undefined }];
  });
}

export interface SessionResult {
  /** What each step printed, standard output and error together; shorter than the steps if one failed. */
  readonly outputs: readonly string[];
  readonly exitCode: number | undefined;
}

const MARK = "@@end-of-step@@";

/** One bash runs all steps, so that variables last; the first command that fails ends the session. */
export function runSteps(
  steps: readonly Step[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<SessionResult> {
  const script = steps.map((step) => `${step.block.text}\nprintf '%s\\n' '${MARK}'`).join("\n");
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-euo", "pipefail", "-s"], {
      cwd: options.cwd,
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs,
    });
    let output = "";
    const keep = (bytes: Buffer): void => {
      output += bytes.toString("utf8");
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => {
      const parts = output.split(`${MARK}\n`);
      resolve({ outputs: parts, exitCode: code ?? undefined });
    });
    child.stdin.end(`exec 2>&1\n${script}\n`);
  });
}
