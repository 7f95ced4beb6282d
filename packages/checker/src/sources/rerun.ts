// Runs the product's own verifier twice, at different times and places of the world: the same ledger has to give the same answer.
import { spawn } from "node:child_process";

export interface VerifierRun {
  readonly timeZone: string;
  readonly shiftedByDays: number;
  readonly exitCode: number | null;
  /** Its answer, as JSON text. */
  readonly answer: string;
  readonly ok: boolean;
  readonly decisionsRunAgain: boolean;
  readonly size: number;
}

export interface VerifierSource {
  /** Program and arguments, so that `ledger verify --full --json` can follow. */
  readonly argv: readonly [string, ...string[]];
  readonly home: string;
}

const TIMEOUT_MS = 600_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;
const PLACES = [
  { timeZone: "UTC", shiftedByDays: 0 },
  { timeZone: "Pacific/Kiritimati", shiftedByDays: 1234 },
] as const;

/** A clock that is wrong by some days, for a Node program, by way of its `--import`. */
function clockShift(days: number): string {
  const script = `const Real=Date;const by=${days * DAY_MS};globalThis.Date=class extends Real{constructor(...a){if(a.length===0)super(Real.now()+by);else super(...a)}static now(){return Real.now()+by}};`;
  return `data:text/javascript,${encodeURIComponent(script)}`;
}

export async function runVerifier(source: VerifierSource): Promise<readonly VerifierRun[]> {
  const runs: VerifierRun[] = [];
  for (const { timeZone, shiftedByDays } of PLACES) {
    const [program, ...args] = source.argv;
    const { code, out, err } = await run(program, [...args, "ledger", "verify", "--full", "--json", "--home", source.home], {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      TZ: timeZone,
      ...(shiftedByDays === 0 ? {} : { NODE_OPTIONS: `--import=${clockShift(shiftedByDays)}` }),
    });
    const answer = parse(out);
    if (answer === undefined)
      throw new Error(`${source.argv.join(" ")} ledger verify gave no JSON (exit code ${code}): ${err.trim().slice(0, 500)}`);
    runs.push({
      timeZone,
      shiftedByDays,
      exitCode: code,
      answer: JSON.stringify(answer),
      ok: answer["ok"] === true,
      decisionsRunAgain: answer["decisionsRunAgain"] === true,
      size: typeof answer["size"] === "number" ? answer["size"] : 0,
    });
  }
  return runs;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: TIMEOUT_MS, killSignal: "SIGKILL" });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
      if (out.length > MAX_OUTPUT_BYTES) child.kill("SIGKILL");
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      err = (err + chunk).slice(-4000);
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}
