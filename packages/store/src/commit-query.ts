// Turns the writes of a commit into one transaction's text and parameters. Only checked names become text; ids and values are parameters.
import type { Document, Write } from "./types.ts";

/** What a THROW inside our transaction begins with; nothing that a caller gives can be thrown. */
export const CONFLICT_MARK = "triplane-conflict:";

export interface Query {
  readonly text: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export function commitQuery(writes: readonly Write[]): Query {
  const parameters: Record<string, unknown> = {};
  const statements = writes.map((write, index) => {
    parameters[`i${index}`] = write.id;
    if (write.kind !== "delete") parameters[`d${index}`] = write.document;
    return statementOf(write, index, parameters);
  });
  return { text: `BEGIN;\n${statements.join("\n")}\nCOMMIT;`, parameters };
}

function statementOf(write: Write, index: number, parameters: Record<string, unknown>): string {
  const record = `type::record('${write.table}', $i${index})`;
  switch (write.kind) {
    case "create":
      return `CREATE ${record} SET doc = $d${index} RETURN NONE;`;
    case "delete":
      return `DELETE ${record} RETURN NONE;`;
    case "replace": {
      const held = expectations(write.expect ?? {}, index, parameters);
      const where = held.length === 0 ? "" : ` WHERE ${held.join(" AND ")}`;
      // One statement: it changes the document where it is as expected, and the commit fails where it changed none.
      return `IF array::len((UPDATE ${record} SET doc = $d${index}${where} RETURN VALUE true)) != 1 { THROW '${CONFLICT_MARK}${index}' };`;
    }
  }
}

function expectations(expect: Document, index: number, parameters: Record<string, unknown>): readonly string[] {
  return Object.entries(expect).map(([field, value], position) => {
    const name = `e${index}_${position}`;
    parameters[name] = value;
    return `doc.\`${field}\` = $${name}`;
  });
}
