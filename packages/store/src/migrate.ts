// Brings a store to the newest version: migrations in order, once each, each in one transaction with its own row.
import { TriplaneError } from "@triplane/contract";
import { assertName, type Tables, tablesOf } from "./document.ts";
import type { Session } from "./session.ts";
import type { Migration } from "./types.ts";

const TABLE = "schema_migrations";

/** Runs what is missing. Throws `store_schema_newer`; any other failure leaves the store at an older version, from which the next start continues. */
export async function migrate(session: Session, migrations: readonly Migration[]): Promise<Tables> {
  const tables = checkMigrations(migrations);
  await runAll(session, `DEFINE TABLE IF NOT EXISTS ${TABLE} SCHEMALESS;`);
  const newest = migrations.at(-1)?.version ?? 0;
  const present = await presentVersion(session);
  if (present > newest)
    throw new TriplaneError("store_schema_newer", `the store is at schema version ${present}, this program knows ${newest}`, {
      details: { present, known: newest },
    });
  for (const migration of migrations.filter(({ version }) => version > present)) {
    const statements = [
      "BEGIN;",
      ...migration.tables.flatMap(({ table, indexes }) => [
        `DEFINE TABLE IF NOT EXISTS ${table} SCHEMALESS;`,
        ...indexes.map((field) => `DEFINE INDEX IF NOT EXISTS ${table}_${field} ON ${table} FIELDS doc.\`${field}\`;`),
      ]),
      `CREATE type::record('${TABLE}', $version) SET version = $version, description = $description RETURN NONE;`,
      "COMMIT;",
    ];
    await runAll(session, statements.join("\n"), { version: migration.version, description: migration.description });
  }
  return tables;
}

function checkMigrations(migrations: readonly Migration[]): Tables {
  let last = 0;
  for (const { version } of migrations) {
    if (!Number.isSafeInteger(version) || version <= last) throw new TriplaneError("internal", `migration ${version} is not above ${last}`);
    last = version;
  }
  const tables = tablesOf(migrations.flatMap((migration) => migration.tables));
  if (tables.has(assertName(TABLE, "table"))) throw new TriplaneError("internal", `${TABLE} is the store's own table`);
  return tables;
}

async function presentVersion(session: Session): Promise<number> {
  const [result] = await session.run(`SELECT VALUE version FROM ${TABLE} ORDER BY version DESC LIMIT 1;`, {});
  if (result === undefined || !result.ok) throw failed(result?.ok === false ? result.message : "no result");
  const version: unknown = Array.isArray(result.value) ? result.value[0] : undefined;
  return typeof version === "number" ? version : 0;
}

async function runAll(session: Session, text: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<void> {
  for (const result of await session.run(text, parameters)) if (!result.ok) throw failed(result.message);
}

function failed(message: string): TriplaneError {
  return new TriplaneError("store_commit_unknown", `a schema migration failed: ${message}`);
}
