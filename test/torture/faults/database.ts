// The two databases of a workspace: where their files are, and what their owners say is in them.
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Arena, Daemon } from "../arena.ts";

export interface Database {
  readonly daemon: Daemon;
  /** The folder of the engine's files, and the socket on which its owner serves the rows. */
  readonly folder: string;
  readonly socket: string;
  /** Tables whose rows are never deleted. */
  readonly lasting: readonly string[];
}

export interface Row {
  readonly table: string;
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export function controllersDatabase({ world: { layout } }: Arena): Database {
  return databaseIn("ops-controller", layout.controller, ["ops"]);
}

export function orchestratorsDatabase({ world: { layout } }: Arena): Database {
  return databaseIn("orchestrator", join(layout.orchestrator, "data"), ["ops", "targets"]);
}

function databaseIn(daemon: Daemon, folder: string, lasting: readonly string[]): Database {
  return { daemon, folder: join(folder, "store"), socket: join(folder, "export.sock"), lasting };
}

/** Names of the rows that are never deleted. */
export async function lastingRows(database: Database): Promise<ReadonlySet<string>> {
  const lasting = (await rowsOf(database)).filter(({ table }) => database.lasting.includes(table));
  return new Set(lasting.map(({ table, id }) => `${table}/${id}`));
}

/** All rows, from the daemon that serves them. */
export function rowsOf({ socket }: Database): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket).setTimeout(10_000);
    const chunks: Buffer[] = [];
    connection.on("data", (chunk) => chunks.push(chunk));
    connection.once("timeout", () => connection.destroy(new Error("the rows stand still")));
    connection.once("error", reject);
    connection.once("end", () => {
      const lines = Buffer.concat(chunks).toString("utf8").split("\n");
      const rows = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Partial<Row>);
      if (rows.pop()?.table !== undefined || lines.length < 2) reject(new Error("the rows were cut off"));
      resolve(rows as readonly Row[]);
    });
  });
}
