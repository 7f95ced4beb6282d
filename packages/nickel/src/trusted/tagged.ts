// Values out of the nickel program with their enum tags, which its JSON would turn into strings.
import { type Json, TriplaneError } from "@triplane/contract";
import { nickelString } from "../contracts-from-schema/nickel-text.ts";
import { EnumTag, type NickelValue } from "../document.ts";

/** The field that marks a tag; a record of a file may not have one of this name. */
const MARK = "'";

/** A program that gives the value of `file`, each tag as the record {"'": tag, value?: argument}. */
export function taggedProgram(file: string): string {
  return `let rec encode = fun value =>
  if std.is_enum value then
    let parts = std.enum.to_tag_and_arg value in
    if std.record.has_field "arg" parts then { "${MARK}" = parts.tag, value = encode parts.arg } else { "${MARK}" = parts.tag }
  else if std.is_array value then std.array.map encode value
  else if std.is_record value then
    if std.record.has_field "${MARK}" value then std.fail_with "a field may not be called ${MARK}"
    else std.record.map (fun _name field => encode field) value
  else value
in encode (import ${nickelString(file)})
`;
}

/** What that program wrote, as a value. Throws `nickel_too_large` beyond the depth. */
export function fromTagged(json: Json, maxDepth: number): NickelValue {
  if (maxDepth < 0) throw new TriplaneError("nickel_too_large", "the value is nested too deeply");
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map((item: Json) => fromTagged(item, maxDepth - 1));
  const members = Object.entries(json);
  const tag = Object.hasOwn(json, MARK) ? Reflect.get(json, MARK) : undefined;
  if (typeof tag === "string")
    return Object.hasOwn(json, "value") ? new EnumTag(tag, fromTagged(Reflect.get(json, "value"), maxDepth - 1)) : new EnumTag(tag);
  if (Object.hasOwn(json, "__proto__"))
    throw new TriplaneError("nickel_not_declarative", "field name `__proto__` is not allowed in a data file", {
      details: { construct: "field name `__proto__`" },
    });
  return Object.fromEntries(members.map(([name, member]) => [name, fromTagged(member, maxDepth - 1)]));
}
