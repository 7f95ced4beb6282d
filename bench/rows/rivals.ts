// Row: the same durable job on what a user might pick instead: accept, persist, run, record.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { bySize, type Line, type Row, type RowContext } from "../harness/row.ts";
import { Missing, type Server, startPostgres, startRedis, startTemporal, temporalProgram } from "../rivals/servers.ts";
import { measureEndToEnd } from "../spine/end-to-end.ts";

const RIVALS = join(import.meta.dirname, "..", "rivals");

interface Rival {
  readonly name: string;
  readonly program: string;
  /** Starts its server and says what its program has to be told. */
  start(context: RowContext, folder: string): Promise<{ readonly server: Server; readonly told: object }>;
  readonly notes: readonly string[];
}

const LIST: readonly Rival[] = [
  {
    name: "PostgreSQL with graphile-worker",
    program: "postgres.mjs",
    async start(_, folder) {
      const server = await startPostgres(folder);
      return { server, told: { connection: server.connection } };
    },
    notes: ["synchronous_commit and fsync on; an audit row for each job; no signatures, no approval, no ledger"],
  },
  {
    name: "Redis with BullMQ",
    program: "redis.mjs",
    async start(_, folder) {
      const server = await startRedis(folder);
      return { server, told: { port: server.port } };
    },
    notes: ["appendfsync always; a stream entry for each job; no signatures, no approval, no ledger"],
  },
  {
    name: "Temporal's development server",
    program: "temporal.mjs",
    async start(context, folder) {
      const server = await startTemporal(folder, await temporalProgram(context.cacheDir));
      return { server, told: { address: `127.0.0.1:${server.port}` } };
    },
    notes: ["a workflow of two activities, history in SQLite on disk; a development server, not a cluster; no signatures, no ledger"],
  },
];

export const rivals: Row = {
  id: "rivals",
  summary: "the same durable job on queues that a user might pick instead, against the whole of ours, signatures and ledger included",
  async run(context) {
    installPackages(context);
    context.progress("Triplane, end to end");
    const ours = await measureEndToEnd(context);
    const lines: Line[] = [];
    for (const rival of LIST) {
      context.progress(rival.name);
      lines.push(await lineOf(context, rival, ours.opsPerSecond));
    }
    return lines;
  },
};

async function lineOf(context: RowContext, rival: Rival, ours: number): Promise<Line> {
  const line = { what: rival.name, ours: { value: ours, unit: "ops/s" }, target: "ahead of it" };
  try {
    const folder = await context.temporary("rival");
    const { server, told } = await rival.start(context, folder);
    try {
      const jobs = bySize(context, { full: 6000, quick: 2000, tiny: 40 });
      const task = { ...told, folder: join(folder, "effects"), jobs, warmUp: Math.ceil(jobs / 10), inFlight: 512 };
      const { opsPerSecond, version } = await runProgram(rival.program, task, context.signal);
      return {
        ...line,
        what: version === undefined ? rival.name : `${rival.name} (${version})`,
        against: { value: opsPerSecond, unit: "jobs/s" },
        ratio: ours / opsPerSecond,
        met: ours >= opsPerSecond,
        notes: rival.notes,
      };
    } finally {
      await server[Symbol.asyncDispose]();
    }
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    context.progress(`NOT MEASURED: ${error.message}`);
    return { ...line, against: undefined, ratio: undefined, met: undefined, notes: [`not measured: ${error.message}`] };
  }
}

function installPackages(context: RowContext): void {
  if (existsSync(join(RIVALS, "node_modules", "bullmq"))) return;
  context.progress("installing the rivals' packages (bench/rivals/package-lock.json)");
  execFileSync("npm", ["ci", "--prefix", RIVALS, "--no-audit", "--no-fund", "--loglevel=error"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

interface Answer {
  readonly opsPerSecond: number;
  readonly version?: string;
}

function runProgram(program: string, task: object, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(RIVALS, program), JSON.stringify(task)], { stdio: ["ignore", "pipe", "pipe"], signal });
    let [output, said] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4000);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      const last = output.trim().split("\n").at(-1) ?? "";
      if (code === 0 && last.startsWith("{")) resolve(JSON.parse(last) as Answer);
      else reject(new Error(`${program} ended with ${code}: ${said}`));
    });
  });
}
