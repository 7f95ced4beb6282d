// Queries that read: by id, by equal fields, in order, by the numbers of an index, page by page.
import { BoundExcluded, BoundIncluded, RecordIdRange } from "surrealdb";
import type { Query } from "./commit-query.ts";
import { MEAN_PAGE } from "./limits.ts";
import type { Document, ListOptions } from "./types.ts";

/** The documents of these ids, as far as they are there, in any order. */
export function getQuery(table: string, ids: readonly string[]): Query {
  if (ids.length === 1)
    return { text: `SELECT record::id(id) AS key, doc FROM type::record('${table}', $id);`, parameters: { id: ids[0] } };
  // An id without a record gives a row without an id.
  const from = `$ids.map(|$id| type::record('${table}', $id))`;
  return { text: `SELECT record::id(id) AS key, doc FROM ${from} WHERE id IS NOT NONE;`, parameters: { ids } };
}

export function listQuery(table: string, options: ListOptions): Query {
  const { clause, parameters } = whereClause(options.where ?? {});
  const direction = options.descending === true ? "DESC" : "ASC";
  const ordered = options.orderBy === undefined ? "" : `, doc.\`${options.orderBy}\` AS sort_key`;
  const order = options.orderBy === undefined ? `ORDER BY key ${direction}` : `ORDER BY sort_key ${direction}, key ${direction}`;
  const limit = options.limit === undefined ? "" : " LIMIT $limit";
  return {
    text: `SELECT record::id(id) AS key, doc${ordered} FROM ${table}${clause} ${order}${limit};`,
    parameters: options.limit === undefined ? parameters : { ...parameters, limit: options.limit },
  };
}

/**
 * A whole table, with the id of its last record as a scan from the other end finds it. The engine ends a scan at a record that it cannot read and
 * says nothing (measured, @surrealdb/node 3.0.3: one bit of a value turned, and `SELECT` gave the 1425 records before it of 1441): what a scan
 * gave is all there is only if both ends meet. One statement, so that both look at the same moment.
 */
export function wholeTableQuery(table: string, options: ListOptions): Query {
  const { text, parameters } = listQuery(table, options);
  return { text: `RETURN { rows: (${text.slice(0, -1)}), last: ${lastOf(table)} };`, parameters };
}

function lastOf(table: string): string {
  return `(SELECT VALUE id FROM ${table} ORDER BY id DESC LIMIT 1).map(|$id| record::id($id))[0]`;
}

/**
 * Ids at which pages end: some of a table's, in order, and its last one. Of what lies behind an id the engine reads all, whatever the limit, and of what
 * lies between two ids no more than that (@surrealdb/node 3.0.3), so the ends are needed before the pages.
 */
export function pageEndsQuery(table: string): Query {
  const some = `SELECT VALUE record::id(id) FROM ${table} WHERE rand() < $share`;
  return { text: `RETURN { some: (${some}), last: ${lastOf(table)} };`, parameters: { share: 1 / MEAN_PAGE } };
}

/** What lies behind `after`, up to `end`, and whether there is a document `end` at that moment: a scan that was not cut off ends with it then. */
export function pageQuery(table: string, after: string | undefined, end: string): Query {
  const there = `(SELECT VALUE true FROM type::record('${table}', $end) WHERE id IS NOT NONE)[0] ?? false`;
  const range = new RecordIdRange(table, after === undefined ? undefined : new BoundExcluded(after), new BoundIncluded(end));
  return { text: `RETURN { rows: (${RANGE_ROWS}), there: ${there} };`, parameters: { range, end } };
}

export const RANGE_ROWS = "SELECT record::id(id) AS key, doc FROM $range ORDER BY key ASC";

export function countQuery(table: string, where: Document): Query {
  const { clause, parameters } = whereClause(where);
  return { text: `SELECT count() AS count FROM ${table}${clause} GROUP ALL;`, parameters };
}

/**
 * Some number of an indexed field above `above`, if there is one. The engine goes through an index forwards only, and for an order by an indexed
 * field it reads the whole table (@surrealdb/node 3.0.3); a range of the index it reads from its beginning. The end of the range keeps out strings,
 * which the engine sorts behind all numbers.
 */
export function aboveQuery(table: string, field: string, above: number): Query {
  return {
    text: `SELECT VALUE doc.\`${field}\` FROM ${table} WHERE doc.\`${field}\` > $above AND doc.\`${field}\` <= $most LIMIT 1;`,
    parameters: { above, most: Number.MAX_SAFE_INTEGER },
  };
}

/**
 * How many records an index has and how many there are. The engine ends a walk along an index, too, at a part that it cannot read and says nothing
 * (measured, @surrealdb/node 3.0.3: one bit turned, and no number was above 0 of 149); a record that it cannot read it tells. An index has an entry
 * for every record, with or without the field. One statement, so that both look at the same moment.
 */
export function indexProofQuery(table: string, field: string): Query {
  const records = `(SELECT count() AS count FROM ${table} GROUP ALL)[0].count`;
  return { text: `RETURN { indexed: (${entriesQuery(table, field)})[0].count ?? 0, records: ${records} ?? 0 };`, parameters: {} };
}

export function entriesQuery(table: string, field: string): string {
  return `SELECT count() AS count FROM ${table} WHERE doc.\`${field}\` >= NONE GROUP ALL`;
}

function whereClause(where: Document): { readonly clause: string; readonly parameters: Record<string, unknown> } {
  const parameters: Record<string, unknown> = {};
  const terms = Object.entries(where).map(([field, value], position) => {
    parameters[`w${position}`] = value;
    return `doc.\`${field}\` = $w${position}`;
  });
  return { clause: terms.length === 0 ? "" : ` WHERE ${terms.join(" AND ")}`, parameters };
}
