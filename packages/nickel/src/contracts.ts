// Checking a value against a contract. Every contract that the parser lets through is checked here, completely.
import type { Annotation, Contract } from "./ast.ts";
import { failAt } from "./refusals.ts";
import { describeResolved, type Resolved } from "./resolved.ts";

/** Throws `nickel_contract_failed` at the value that breaks the contract. */
export function checkAnnotations(annotations: readonly Annotation[], value: Resolved): void {
  for (const annotation of annotations) check(annotation.contract, value, annotation.text);
}

function check(contract: Contract, value: Resolved, text: string): void {
  switch (contract.kind) {
    case "dyn":
      return;
    case "number":
    case "string":
      if (value.kind !== "scalar" || typeof value.value !== contract.kind) throw broken(contract, value, text);
      return;
    case "bool":
      if (value.kind !== "scalar" || typeof value.value !== "boolean") throw broken(contract, value, text);
      return;
    case "array":
      if (value.kind !== "array") throw broken(contract, value, text);
      for (const item of value.items) check(contract.item, item, text);
      return;
    case "dict":
      if (value.kind !== "record") throw broken(contract, value, text);
      for (const field of value.fields.values()) if (field.value !== undefined) check(contract.item, field.value, text);
      return;
    case "enum":
      checkEnum(contract, value, text);
      return;
    case "record":
      checkRecord(contract, value, text);
      return;
  }
}

function checkEnum(contract: Contract & { kind: "enum" }, value: Resolved, text: string): void {
  if (value.kind !== "tag") throw broken(contract, value, text);
  const row = contract.rows.find(
    (candidate) => candidate.tag === value.tag && (candidate.argument === undefined) === (value.argument === undefined),
  );
  if (row === undefined) throw broken(contract, value, text);
  if (row.argument !== undefined && value.argument !== undefined) check(row.argument, value.argument, text);
}

function checkRecord(contract: Contract & { kind: "record" }, value: Resolved, text: string): void {
  if (value.kind !== "record") throw broken(contract, value, text);
  const known = new Set<string>();
  for (const expected of contract.fields) {
    known.add(expected.name);
    const field = value.fields.get(expected.name);
    if (field?.value === undefined) {
      if (expected.optional) continue;
      throw failAt(
        "nickel_contract_failed",
        value.at,
        `the field ${JSON.stringify(expected.name)} is missing, which the contract ${text} demands`,
        {
          contract: text,
        },
      );
    }
    for (const inner of expected.contracts) check(inner, field.value, text);
  }
  if (contract.open) return;
  for (const [name, field] of value.fields)
    if (!known.has(name) && field.value !== undefined)
      throw failAt("nickel_contract_failed", field.at, `the field ${JSON.stringify(name)} is not one that the contract ${text} has`, {
        contract: text,
      });
}

const WANTED = {
  number: "a number",
  string: "a string",
  bool: "a bool",
  array: "an array",
  dict: "a record",
  record: "a record",
  dyn: "anything",
};

function broken(contract: Contract, value: Resolved, text: string): Error {
  const wanted =
    contract.kind === "enum"
      ? `one of ${contract.rows.map((row) => `'${row.tag}${row.argument === undefined ? "" : " …"}`).join(", ")}`
      : WANTED[contract.kind];
  return failAt(
    "nickel_contract_failed",
    value.at,
    `${describeResolved(value)} breaks the contract ${text.slice(0, 200)}: it must be ${wanted}`,
    {
      contract: text,
    },
  );
}
