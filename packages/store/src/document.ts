// What may go into a store: names, ids and documents are checked before any adapter sees them, so that all adapters hold the same things.
import { type Json, TriplaneError } from "@triplane/contract";
import { MAX_COMMIT_WRITES, MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH, MAX_ID_CHARS } from "./limits.ts";
import type { Document, ListOptions, TableSchema, Write } from "./types.ts";

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Tables and fields by name, as the migrations declare them. */
export type Tables = ReadonlyMap<string, ReadonlySet<string>>;

/** Checks a table's or a field's name: it becomes part of a query's text. Throws `request_invalid`. */
export function assertName(name: string, what: "table" | "field"): string {
  if (!NAME.test(name)) throw refused(`${JSON.stringify(name.slice(0, 80))} is not a ${what} name`);
  return name;
}

export function assertTable(tables: Tables, table: string): ReadonlySet<string> {
  const indexes = tables.get(table);
  if (indexes === undefined) throw refused(`no migration makes the table ${JSON.stringify(table.slice(0, 80))}`);
  return indexes;
}

export function assertId(id: string): void {
  if (id.length === 0 || id.length > MAX_ID_CHARS || !id.isWellFormed())
    throw refused(`an id has 1 to ${MAX_ID_CHARS} characters of well-formed Unicode`);
}

/** No less than the bytes of its documents together. Throws `request_invalid` for what a commit may not hold. */
export function assertWrites(tables: Tables, writes: readonly Write[]): number {
  if (writes.length > MAX_COMMIT_WRITES) throw refused(`a commit has at most ${MAX_COMMIT_WRITES} writes, this one ${writes.length}`);
  let totalBytes = 0;
  for (const write of writes) {
    const indexes = assertTable(tables, write.table);
    assertId(write.id);
    if (write.kind === "delete") continue;
    totalBytes += assertDocument(write.document, indexes);
    if (write.kind === "replace" && write.expect !== undefined) assertFields(write.expect);
  }
  return totalBytes;
}

/** Throws `request_invalid` for a field that is not a name, or a value to compare with that is not a scalar. */
export function assertFields(fields: Document): void {
  for (const [field, value] of Object.entries(fields)) {
    assertName(field, "field");
    if (!isScalar(value)) throw refused(`field ${field}: only strings, numbers, booleans and null can be compared`);
    assertValue(value, 0);
  }
}

export function assertListOptions(options: ListOptions): void {
  assertFields(options.where ?? {});
  if (options.orderBy !== undefined) assertName(options.orderBy, "field");
  if (options.limit !== undefined && (!Number.isSafeInteger(options.limit) || options.limit < 1))
    throw refused("a limit is a whole number from 1");
}

/** Throws `request_invalid` unless the field is indexed and `above` is a whole number from 0. */
export function assertHighest(tables: Tables, table: string, field: string, above: number): void {
  if (!assertTable(tables, table).has(field))
    throw refused(`no migration indexes the field ${JSON.stringify(field.slice(0, 80))} of ${table}`);
  if (!Number.isSafeInteger(above) || above < 0) throw refused("what is asked for is above a whole number from 0");
}

/** No less than its size in bytes. */
function assertDocument(document: Document, indexes: ReadonlySet<string>): number {
  const mostBytes = assertValue(document, 0);
  for (const field of indexes) {
    const value = document[field];
    if (value !== undefined && !isScalar(value)) throw refused(`field ${field} is indexed and must hold a string, number, boolean or null`);
  }
  if (mostBytes <= MAX_DOCUMENT_BYTES) return mostBytes;
  const sizeBytes = Buffer.byteLength(JSON.stringify(document));
  if (sizeBytes > MAX_DOCUMENT_BYTES) throw refused(`a document has at most ${MAX_DOCUMENT_BYTES} bytes, this one ${sizeBytes}`);
  return sizeBytes;
}

/** Bytes of JSON for one UTF-16 unit, where it is escaped. */
const MOST_BYTES_PER_UNIT = 6;
/** Bytes of a number, a literal, quotes or brackets, with what separates them from the next. */
const MOST_BYTES_BESIDE = 20;

/** Returns how many bytes of JSON it can have at most. */
function assertValue(value: Json, depth: number): number {
  if (depth > MAX_DOCUMENT_DEPTH) throw refused(`a document is nested at most ${MAX_DOCUMENT_DEPTH} deep`);
  if (value === null || typeof value === "boolean") return MOST_BYTES_BESIDE;
  let mostBytes = MOST_BYTES_BESIDE;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw refused(`${value} is not an integer within 2^53`);
  } else if (typeof value === "string") {
    if (!value.isWellFormed()) throw refused("a string is not well-formed Unicode");
    mostBytes += value.length * MOST_BYTES_PER_UNIT;
  } else if (Array.isArray(value)) {
    for (const item of value) mostBytes += assertValue(item, depth + 1);
  } else if (typeof value === "object") {
    for (const [key, member] of Object.entries(value)) {
      if (key === "__proto__" || !key.isWellFormed()) throw refused(`${JSON.stringify(key)} cannot be a key`);
      mostBytes += key.length * MOST_BYTES_PER_UNIT + assertValue(member, depth + 1);
    }
  } else {
    throw refused(`a ${typeof value} has no JSON form`);
  }
  return mostBytes;
}

function isScalar(value: Json): value is null | boolean | number | string {
  return value === null || typeof value !== "object";
}

/** The tables that migrations declare, checked. */
export function tablesOf(schemas: readonly TableSchema[]): Tables {
  const tables = new Map<string, Set<string>>();
  for (const schema of schemas) {
    const indexes = tables.get(assertName(schema.table, "table")) ?? new Set<string>();
    for (const field of schema.indexes) indexes.add(assertName(field, "field"));
    tables.set(schema.table, indexes);
  }
  return tables;
}

function refused(message: string): TriplaneError {
  return new TriplaneError("request_invalid", message, { hint: "This is a defect in the caller of the store." });
}
