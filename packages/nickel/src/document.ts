// The result of a reading: the value with its enum tags, its JSON form, and the place of every part.
import type { Json } from "@triplane/contract";
import { checkAnnotations } from "./contracts.ts";
import { failAt } from "./refusals.ts";
import type { Resolved, ResolvedRecord } from "./resolved.ts";
import { type Place, positionOfPlace, type SourcePosition } from "./source-position.ts";

/** An enum tag, with an argument or without. */
export class EnumTag {
  readonly tag: string;
  readonly argument: NickelValue | undefined;

  constructor(tag: string, argument?: NickelValue) {
    this.tag = tag;
    this.argument = argument;
  }
}

export type NickelValue = null | boolean | number | string | EnumTag | readonly NickelValue[] | { readonly [name: string]: NickelValue };

/** Steps from the root: names of fields and indexes of items. */
export type ValuePath = readonly (string | number)[];

export interface NickelDocument {
  /** With enum tags as `EnumTag`. */
  readonly value: NickelValue;
  /** As `nickel export` writes it: a bare tag is its name. A tag with an argument, which that refuses, is {tag, value}. */
  readonly json: Json;
  /** Where the value at a path stands; the nearest enclosing value's place where there is none. */
  positionOf(path: ValuePath): SourcePosition;
  /** As `positionOf`, with the source, so that it can be drawn; of a field, its name instead of its value. */
  placeOf(path: ValuePath, part?: "name" | "value"): Place;
}

/** Checks what is left to check, drops what is not exported, and keeps the places. */
export function finish(root: Resolved, maxDepth: number): NickelDocument {
  const places = new Map<string, Place>();
  const names = new Map<string, Place>();
  const value = finishValue(root, "", 0);

  function finishValue(resolved: Resolved, path: string, depth: number): NickelValue {
    if (depth > maxDepth) throw failAt("nickel_too_large", resolved.at, `nested deeper than ${maxDepth}`);
    places.set(path, resolved.at);
    switch (resolved.kind) {
      case "scalar":
        return resolved.value;
      case "tag":
        return resolved.argument === undefined
          ? new EnumTag(resolved.tag)
          : new EnumTag(resolved.tag, finishValue(resolved.argument, `${path}/value`, depth + 1));
      case "array":
        return resolved.items.map((item, index) => finishValue(item, `${path}/${index}`, depth + 1));
      case "record":
        return finishRecord(resolved, path, depth);
    }
  }

  function finishRecord(record: ResolvedRecord, path: string, depth: number): NickelValue {
    const members: Record<string, NickelValue> = {};
    for (const [name, field] of record.fields) {
      if (field.value === undefined) {
        if (field.optional || field.notExported) continue;
        throw failAt("nickel_contract_failed", field.at, `the field ${JSON.stringify(name)} has no value and is not optional`, {
          field: name,
        });
      }
      checkAnnotations(field.annotations, field.value);
      const inner = `${path}/${pointerStep(name)}`;
      names.set(inner, field.at);
      const member = finishValue(field.value, inner, depth + 1);
      if (!field.notExported) members[name] = member;
    }
    return members;
  }

  function placeOf(path: ValuePath, part: "name" | "value" = "value"): Place {
    const name = part === "name" ? names.get(path.map((step) => `/${pointerStep(String(step))}`).join("")) : undefined;
    if (name !== undefined) return name;
    for (let length = path.length; length > 0; length -= 1) {
      const pointer = path.slice(0, length).map((step) => `/${pointerStep(String(step))}`);
      const place = places.get(pointer.join(""));
      if (place !== undefined) return place;
    }
    return places.get("") ?? root.at;
  }

  return { value, json: toJson(value), placeOf, positionOf: (path) => positionOfPlace(placeOf(path)) };
}

/** As in a JSON pointer (RFC 6901). */
function pointerStep(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

export function toJson(value: NickelValue): Json {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof EnumTag) return value.argument === undefined ? value.tag : { tag: value.tag, value: toJson(value.argument) };
  if (Array.isArray(value)) return value.map(toJson);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJson(member)]));
}
