// Merging: `&`, and the pieces of one record. Higher priority wins whole; equal priorities merge, and then only records differ.
import { failAt } from "./refusals.ts";
import { describeResolved, type Resolved, type ResolvedField, type ResolvedRecord } from "./resolved.ts";
import { formatPosition, positionOfPlace } from "./source-position.ts";

const MAX_ANNOTATIONS = 64;

/** Merges `right` into `left`, which may be changed and must not be used afterwards. Throws `nickel_merge_conflict`. */
export function mergeValues(left: Resolved, right: Resolved): Resolved {
  if (left.annotated === true || right.annotated === true)
    throw failAt(
      "nickel_contract_failed",
      right.at,
      "a value that is merged may not have a contract on the whole of it; put contracts on its fields",
      {
        contract: "on an operand of &",
        validNickel: true,
      },
    );
  if (left.kind === "record" && right.kind === "record") {
    for (const [name, field] of right.fields) addField(left, name, field);
    return left;
  }
  if (left.kind === "tag" && right.kind === "tag" && left.tag === right.tag && left.argument !== undefined && right.argument !== undefined)
    return { ...left, argument: mergeValues(left.argument, right.argument) };
  if (sameValue(left, right)) return left;
  throw failAt(
    "nickel_merge_conflict",
    right.at,
    `${describeResolved(right)} cannot be merged with ${describeResolved(left)} at ${formatPosition(positionOfPlace(left.at))}`,
    { other: positionOfPlace(left.at) },
  );
}

/** Adds a field, or merges it into the one of that name. */
export function addField(record: ResolvedRecord, name: string, field: ResolvedField): void {
  const present = record.fields.get(name);
  record.fields.set(name, present === undefined ? field : mergeFields(present, field));
}

function mergeFields(left: ResolvedField, right: ResolvedField): ResolvedField {
  const annotations = right.annotations.length === 0 ? left.annotations : [...left.annotations, ...right.annotations];
  if (annotations.length > MAX_ANNOTATIONS)
    throw failAt("nickel_too_large", right.at, `more than ${MAX_ANNOTATIONS} contracts on one field`);
  return {
    ...chooseValue(left, right),
    optional: left.optional && right.optional,
    notExported: left.notExported || right.notExported,
    annotations,
  };
}

function chooseValue(left: ResolvedField, right: ResolvedField): Pick<ResolvedField, "at" | "value" | "priority"> {
  if (right.value === undefined || (left.value !== undefined && left.priority > right.priority)) return pick(left);
  if (left.value === undefined || right.priority > left.priority) return pick(right);
  return { at: left.at, value: mergeValues(left.value, right.value), priority: left.priority };
}

function pick(field: ResolvedField): Pick<ResolvedField, "at" | "value" | "priority"> {
  return { at: field.at, priority: field.priority, ...(field.value === undefined ? {} : { value: field.value }) };
}

function sameValue(left: Resolved, right: Resolved): boolean {
  if (left.kind === "scalar" && right.kind === "scalar") return left.value === right.value;
  if (left.kind === "tag" && right.kind === "tag") {
    if (left.tag !== right.tag) return false;
    if (left.argument === undefined || right.argument === undefined) return left.argument === right.argument;
    return sameValue(left.argument, right.argument);
  }
  if (left.kind === "array" && right.kind === "array")
    return (
      left.items.length === right.items.length &&
      left.items.every((item, index) => {
        const other = right.items[index];
        return other !== undefined && sameValue(item, other);
      })
    );
  if (left.kind === "record" && right.kind === "record") return sameRecord(left, right);
  return false;
}

function sameRecord(left: ResolvedRecord, right: ResolvedRecord): boolean {
  for (const name of new Set([...left.fields.keys(), ...right.fields.keys()])) {
    const a = left.fields.get(name)?.value;
    const b = right.fields.get(name)?.value;
    if (a === undefined || b === undefined) {
      if (a !== b) return false;
    } else if (!sameValue(a, b)) return false;
  }
  return true;
}
