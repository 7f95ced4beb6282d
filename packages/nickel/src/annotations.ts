// What stands behind `|` and `:`: contracts that are known, and, on fields, priorities, `optional`, `doc`, `not_exported`.
// A contract that is not known is refused by its name: passing data unchecked would be failing open.
import type { TriplaneError } from "@triplane/contract";
import type { Annotation, Contract, ContractField, EnumRow, FieldMetadata } from "./ast.ts";
import { readNumber } from "./numbers.ts";
import { failAt, notDeclarative } from "./refusals.ts";
import type { TokenStream } from "./token-stream.ts";
import { RESERVED } from "./tokens.ts";

/** A field with more than these is an attempt to make reading expensive. */
const MAX_ANNOTATIONS = 16;

const BUILTIN: ReadonlyMap<string, "dyn" | "number" | "string" | "bool"> = new Map([
  ["Dyn", "dyn"],
  ["Number", "number"],
  ["String", "string"],
  ["Bool", "bool"],
]);

const COMPUTING: ReadonlyMap<string, string> = new Map([
  ["fun", "function"],
  ["let", "let binding"],
  ["if", "if expression"],
  ["match", "match expression"],
  ["forall", "polymorphic type"],
]);

const NO_CONTRACT: ReadonlySet<string> = new Set([
  ...["then", "else", "in", "rec", "import", "null", "true", "false"],
  ...["default", "force", "priority", "optional", "not_exported", "doc"],
]);

/** On a term only contracts may stand; on a field, its metadata too. */
export function parseAnnotations(tokens: TokenStream, on: "term" | "field"): FieldMetadata {
  const annotations: Annotation[] = [];
  let priority = 0;
  let optional = false;
  let notExported = false;
  while (tokens.at("|") || tokens.at(":")) {
    const isType = tokens.at(":");
    tokens.advance();
    const word = !isType && on === "field" && tokens.current.type === "word" ? tokens.current.text : undefined;
    switch (word) {
      case "default":
        tokens.advance();
        priority = Number.NEGATIVE_INFINITY;
        break;
      case "force":
        tokens.advance();
        priority = Number.POSITIVE_INFINITY;
        break;
      case "priority":
        tokens.advance();
        priority = parseSignedNumber(tokens);
        break;
      case "optional":
        tokens.advance();
        optional = true;
        break;
      case "not_exported":
        tokens.advance();
        notExported = true;
        break;
      case "doc":
        tokens.advance();
        if (tokens.current.type !== "string") throw tokens.unexpected("a string");
        tokens.advance();
        break;
      default: {
        const at = tokens.here;
        const contract = parseContract(tokens, isType);
        refuseLongerContract(tokens, at.offset);
        if (annotations.length === MAX_ANNOTATIONS)
          throw failAt("nickel_too_large", at, `more than ${MAX_ANNOTATIONS} contracts on one value`);
        annotations.push({ contract, at, text: tokens.source.text.slice(at.offset, tokens.lastEnd) });
      }
    }
  }
  return { annotations, priority, optional, notExported };
}

function parseSignedNumber(tokens: TokenStream): number {
  const negative = tokens.take("-");
  if (tokens.current.type !== "number") throw tokens.unexpected("a number");
  const value = readNumber(tokens.current.text, tokens.here);
  tokens.advance();
  return negative ? -value : value;
}

function unknownContract(tokens: TokenStream, name: string, start = tokens.current.start): TriplaneError {
  return failAt("nickel_contract_failed", tokens.place(start), `the contract ${name} is not one that is known here`, {
    contract: name,
    validNickel: true,
  });
}

/** What would go on as a contract that is computed: `A & B`, `A -> B`, `lib.A`, `A "x"`. */
function refuseLongerContract(tokens: TokenStream, start: number): void {
  const token = tokens.current;
  const goesOn =
    token.type === "string" || token.type === "number" || token.type === "tag" || (token.type === "word" && !RESERVED.has(token.text));
  const isOperator = token.type === "punctuation" && !["|", ":", "=", ",", "}", "]", ")", "|]", ";", "..", "=>"].includes(token.text);
  if (goesOn || isOperator) {
    if (tokens.at("->")) throw unknownContract(tokens, "`->` (a function type)", start);
    throw unknownContract(tokens, `\`${snippet(tokens, start)}\``, start);
  }
}

function snippet(tokens: TokenStream, start: number): string {
  const [line = ""] = tokens.source.text.slice(start, start + 60).split("\n");
  return line.trim();
}

/** `isType`: after `:`, where Nickel typechecks and so knows neither Dyn nor open records for data. */
function parseContract(tokens: TokenStream, isType: boolean): Contract {
  return tokens.nested(() => {
    if (tokens.atWord("Array")) {
      tokens.advance();
      return { kind: "array", item: parseContractAtom(tokens, isType) };
    }
    return parseContractAtom(tokens, isType);
  });
}

function parseContractAtom(tokens: TokenStream, isType: boolean): Contract {
  const token = tokens.current;
  if (token.type === "word") {
    const builtin = BUILTIN.get(token.text);
    if (builtin === undefined || (isType && builtin === "dyn")) throw refuseContractWord(tokens, token.text);
    tokens.advance();
    return { kind: builtin };
  }
  if (tokens.at("[|")) return parseEnumContract(tokens, isType);
  if (tokens.at("{")) return parseRecordContract(tokens, isType);
  if (tokens.take("(")) {
    const inner = parseContract(tokens, isType);
    refuseLongerContract(tokens, tokens.current.start);
    tokens.expect(")");
    return inner;
  }
  if (token.type === "end" || tokens.at(",") || tokens.at("}") || tokens.at("=") || tokens.at("]")) throw tokens.unexpected("a contract");
  throw unknownContract(tokens, `\`${snippet(tokens, token.start)}\``);
}

function refuseContractWord(tokens: TokenStream, word: string): TriplaneError {
  const computing = COMPUTING.get(word);
  if (computing !== undefined) return notDeclarative(tokens.here, computing);
  if (NO_CONTRACT.has(word)) return tokens.unexpected("a contract");
  const path = /^[A-Za-z_][\w'.-]*/.exec(tokens.source.text.slice(tokens.current.start, tokens.current.start + 100))?.[0] ?? word;
  return unknownContract(tokens, `\`${path}\``);
}

function parseEnumContract(tokens: TokenStream, isType: boolean): Contract {
  tokens.expect("[|");
  const rows: EnumRow[] = [];
  while (!tokens.at("|]") && !tokens.at(";")) {
    const tag = tokens.current;
    if (tag.type !== "tag") throw tokens.unexpected("an enum tag");
    tokens.advance();
    const bare = tokens.at(",") || tokens.at("|]") || tokens.at(";");
    rows.push(bare ? { tag: tag.text } : { tag: tag.text, argument: tokens.nested(() => parseContractAtom(tokens, isType)) });
    if (!tokens.take(",") && !tokens.at("|]") && !tokens.at(";")) throw tokens.unexpected("`,` or `|]`");
  }
  if (tokens.at(";")) throw tokens.refuse("polymorphic type");
  tokens.expect("|]");
  return { kind: "enum", rows };
}

function parseRecordContract(tokens: TokenStream, isType: boolean): Contract {
  const start = tokens.current.start;
  tokens.expect("{");
  if (tokens.take("_")) {
    if (!tokens.take(":") && !tokens.take("|")) throw tokens.unexpected("`:` or `|`");
    const item = parseContract(tokens, isType);
    refuseLongerContract(tokens, start);
    tokens.expect("}");
    return { kind: "dict", item };
  }
  const fields: ContractField[] = [];
  const names = new Set<string>();
  let open = false;
  while (!tokens.at("}") && !tokens.at(";")) {
    if (tokens.take("..")) {
      open = true;
      break;
    }
    const at = tokens.current.start;
    const field = parseContractField(tokens, isType);
    if (names.has(field.name)) throw unknownContract(tokens, "naming a field twice", at);
    names.add(field.name);
    fields.push(field);
    if (!tokens.take(",") && !tokens.at("}") && !tokens.at(";")) throw tokens.unexpected("`,` or `}`");
  }
  if (tokens.at(";")) throw tokens.refuse("polymorphic type");
  tokens.expect("}");
  if (isType && open) throw unknownContract(tokens, "`..` (in a type)", start);
  return { kind: "record", fields, open };
}

function parseContractField(tokens: TokenStream, isType: boolean): ContractField {
  const start = tokens.current.start;
  const token = tokens.current;
  if (token.type !== "string" && (token.type !== "word" || RESERVED.has(token.text))) throw tokens.unexpected("a field's name");
  if (token.text === "__proto__") throw tokens.refuse("field name `__proto__`");
  tokens.advance();
  if (tokens.at(".")) throw unknownContract(tokens, "with a nested field path", start);
  const metadata = parseAnnotations(tokens, "field");
  // A value or a priority in a contract fills in or overrides data: that is computing, not checking.
  if (tokens.at("=")) throw unknownContract(tokens, "with a value", start);
  if (metadata.priority !== 0 || metadata.notExported) throw unknownContract(tokens, "with a merge priority or `not_exported`", start);
  if (isType && (metadata.optional || metadata.annotations.length !== 1)) throw unknownContract(tokens, "mixing types and metadata", start);
  return { name: token.text, optional: metadata.optional, contracts: metadata.annotations.map((annotation) => annotation.contract) };
}
