// Runs the shell blocks of a document in order, in one shell, and tells what each printed.
import { type SpawnOptions, type StdioOptions, spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "@triplane/testkit";

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

export interface SessionOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Then the session is cut off. */
  readonly timeoutMs: number;
}

export interface SessionResult {
  /** What each step printed, standard output and error together; shorter than the steps if one failed. */
  readonly outputs: readonly string[];
  /** Undefined where a signal ended it. */
  readonly exitCode: number | undefined;
  readonly wasCutOff: boolean;
  /** The last commands that it began, as bash traces them. */
  readonly lastCommands: readonly string[];
}

const MARK = "@@end-of-step@@";
/** For background jobs to end once they were told to. */
const GRACE_MS = 20_000;
const LAST_COMMANDS = 6;
/** Of bash: above those that a document uses itself. */
const TRACE_FD = 9;

/**
 * One bash runs all steps, so that variables last; the first command that fails ends the session. What a step left running in the background ends
 * with it. What is printed goes to a file: a pipe would stay open, and be waited for, as long as anything that was started holds it.
 */
export async function runSteps(steps: readonly Step[], { cwd, env, timeoutMs }: SessionOptions): Promise<SessionResult> {
  await using folder = await tempDir("session");
  const [printedFile, traceFile] = [join(folder.path, "printed"), join(folder.path, "trace")];
  const script = [
    "trap 'set +x; kill $(jobs -p) 2> /dev/null || true; wait' EXIT",
    `BASH_XTRACEFD=${TRACE_FD}; set -x`,
    ...steps.map((step) => `${step.block.text}\nprintf '%s\\n' '${MARK}'`),
  ].join("\n");
  const [printed, trace] = [await open(printedFile, "a"), await open(traceFile, "a")];
  try {
    const unused = Array<"ignore">(TRACE_FD - 3).fill("ignore");
    const stdio: StdioOptions = ["pipe", printed.fd, printed.fd, ...unused, trace.fd];
    const ended = await runBash(script, { cwd, env, stdio }, timeoutMs);
    const [text, traced] = await Promise.all([readFile(printedFile, "utf8"), readFile(traceFile, "utf8")]);
    const commands = traced.split("\n").filter((line) => /^\++ /.test(line) && !line.includes(MARK) && !line.endsWith(" set +x"));
    return { outputs: text.split(`${MARK}\n`), ...ended, lastCommands: commands.slice(-LAST_COMMANDS) };
  } finally {
    await Promise.all([printed.close(), trace.close()]);
  }
}

function runBash(
  script: string,
  options: Pick<SpawnOptions, "cwd" | "env" | "stdio">,
  timeoutMs: number,
): Promise<Pick<SessionResult, "exitCode" | "wasCutOff">> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-euo", "pipefail", "-s"], options);
    let wasCutOff = false;
    let killing: NodeJS.Timeout | undefined;
    const cutting = setTimeout(() => {
      wasCutOff = true;
      child.kill("SIGTERM");
      killing = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    }, timeoutMs);
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(cutting);
      clearTimeout(killing);
      resolve({ exitCode: code ?? undefined, wasCutOff });
    });
    // A shell that ended before it had read everything has said why by its exit code.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(`${script}\n`);
  });
}
