// Tokens to values as written. The grammar is Nickel's (grammar.lalrpop of nickel-lang-parser 0.4.0) cut down to data;
// whatever Nickel could parse beyond that is recognised and refused by its name (`policy-files-are-declarative-only`).
import { parseAnnotations } from "./annotations.ts";
import type { Field, Node, PathElement } from "./ast.ts";
import type { NickelLimits } from "./limits.ts";
import { readNumber } from "./numbers.ts";
import { failAt, notDeclarative } from "./refusals.ts";
import type { Source } from "./source-position.ts";
import { TokenStream } from "./token-stream.ts";
import { RESERVED, type Token } from "./tokens.ts";

/** Reads a whole source. Throws `nickel_syntax`, `nickel_not_declarative`, `nickel_contract_failed`, `nickel_number_inexact` or `nickel_too_large`. */
export function parse(source: Source, limits: NickelLimits): Node {
  const tokens = new TokenStream(source, limits);
  const node = parseTerm(tokens);
  if (tokens.current.type !== "end") throw tokens.unexpected("the end of the file");
  return node;
}

const COMPUTING_WORDS: ReadonlyMap<string, string> = new Map([
  ["fun", "function"],
  ["let", "let binding"],
  ["if", "if expression"],
  ["match", "match expression"],
  ["forall", "polymorphic type"],
]);

const TYPE_WORDS: ReadonlySet<string> = new Set(["Dyn", "Number", "Bool", "String", "Array"]);

const OPERATORS: ReadonlySet<string> = new Set(["||", "&&", "==", "!=", "++", "<=", ">=", "+", "-", "*", "/", "%", "@", "!", "<", ">"]);

/** A value with what may be attached to it: `a & b | Contract`. An import stands alone, as in Nickel. */
function parseTerm(tokens: TokenStream): Node {
  return tokens.nested(() => {
    if (tokens.atWord("import")) return parseImport(tokens);
    const at = tokens.here;
    const operands = [parseOperand(tokens)];
    while (tokens.take("&")) operands.push(parseOperand(tokens));
    refuseContinuation(tokens);
    const [first] = operands;
    const value: Node = operands.length === 1 && first !== undefined ? first : { kind: "merge", operands, at };
    const { annotations } = parseAnnotations(tokens, "term");
    return annotations.length === 0 ? value : { kind: "annotated", value, annotations, at };
  });
}

function parseOperand(tokens: TokenStream): Node {
  const at = tokens.here;
  if (tokens.at("-")) {
    const sign = tokens.advance();
    if (tokens.current.type !== "number") throw notDeclarative(tokens.place(sign.start), "operator `-`");
    const value = readNumber(tokens.current.text, tokens.here);
    tokens.advance();
    return { kind: "scalar", value: value === 0 ? 0 : -value, at };
  }
  if (tokens.at("!")) throw tokens.refuse("operator `!`");
  if (tokens.current.type === "tag") {
    const tag = tokens.advance();
    const name = tag.type === "tag" ? tag.text : "";
    if (!beginsAtom(tokens.current) || isForgottenComma(tokens)) return { kind: "tag", tag: name, at };
    const argument = tokens.nested(() => parseAtom(tokens));
    return { kind: "tag", tag: name, argument, at };
  }
  return parseAtom(tokens);
}

function parseAtom(tokens: TokenStream): Node {
  const at = tokens.here;
  const token = tokens.current;
  switch (token.type) {
    case "string":
      tokens.advance();
      return { kind: "scalar", value: token.text, at };
    case "number":
      tokens.advance();
      return { kind: "scalar", value: readNumber(token.text, at), at };
    case "tag":
      tokens.advance();
      return { kind: "tag", tag: token.text, at };
    case "word":
      return parseWord(tokens, token.text);
    case "end":
      throw tokens.unexpected("a value");
    case "punctuation":
      if (token.text === "{") return parseRecord(tokens);
      if (token.text === "[") return parseArray(tokens);
      if (token.text === "(") return parseParentheses(tokens);
      if (token.text === "[|" || token.text === "_") throw tokens.refuse("type as a value");
      throw tokens.unexpected("a value");
  }
}

function parseWord(tokens: TokenStream, word: string): Node {
  const at = tokens.here;
  if (word === "null" || word === "true" || word === "false") {
    tokens.advance();
    return { kind: "scalar", value: word === "null" ? null : word === "true", at };
  }
  const computing = COMPUTING_WORDS.get(word);
  if (computing !== undefined) throw tokens.refuse(computing);
  if (TYPE_WORDS.has(word)) throw tokens.refuse("type as a value");
  if (RESERVED.has(word)) throw tokens.unexpected("a value");
  throw tokens.refuse(word === "std" ? "standard library" : "variable");
}

function parseParentheses(tokens: TokenStream): Node {
  tokens.expect("(");
  if (tokens.current.type === "punctuation" && (OPERATORS.has(tokens.current.text) || tokens.at("&")) && !tokens.at("-"))
    throw tokens.refuse("operator as a function");
  const value = parseTerm(tokens);
  tokens.expect(")");
  return value;
}

function parseArray(tokens: TokenStream): Node {
  const at = tokens.here;
  tokens.expect("[");
  const items: Node[] = [];
  while (!tokens.at("]")) {
    items.push(parseTerm(tokens));
    if (!tokens.take(",") && !tokens.at("]")) throw tokens.unexpected("`,` or `]`");
  }
  tokens.expect("]");
  return { kind: "array", items, at };
}

function parseRecord(tokens: TokenStream): Node {
  const at = tokens.here;
  tokens.expect("{");
  const fields: Field[] = [];
  while (!tokens.at("}")) {
    // An ellipsis ends the fields. On data it says nothing: it opens a record only where the record is a contract.
    if (tokens.take("..")) break;
    if (tokens.at("_")) throw tokens.refuse("type as a value");
    fields.push(parseField(tokens));
    if (!tokens.take(",") && !tokens.at("}")) throw tokens.unexpected("`,` or `}`");
  }
  if (tokens.at(";")) throw tokens.refuse("polymorphic type");
  tokens.expect("}");
  return { kind: "record", fields, at };
}

function parseField(tokens: TokenStream): Field {
  if (tokens.atWord("include") && beginsInclude(tokens.peek())) throw tokens.refuse("include");
  const path = [parsePathElement(tokens)];
  while (tokens.take(".")) path.push(tokens.nested(() => parsePathElement(tokens)));
  const metadata = parseAnnotations(tokens, "field");
  if (!tokens.take("=")) return { path, metadata };
  return { path, metadata, value: parseTerm(tokens) };
}

function beginsInclude(next: Token): boolean {
  return next.type === "word" || (next.type === "punctuation" && next.text === "[");
}

function parsePathElement(tokens: TokenStream): PathElement {
  const token = tokens.current;
  const at = tokens.here;
  const named = token.type === "string" || (token.type === "word" && !RESERVED.has(token.text));
  if (!named) throw tokens.unexpected("a field's name");
  // Objects of JavaScript would take it for something else.
  if (token.text === "__proto__") throw tokens.refuse("field name `__proto__`");
  tokens.advance();
  return { name: token.text, at };
}

function parseImport(tokens: TokenStream): Node {
  const at = tokens.here;
  tokens.advance();
  const path = tokens.current;
  if (path.type === "word") throw notDeclarative(at, "package import");
  if (path.type !== "string" || path.style !== "standard") throw tokens.unexpected("a file's name in quotes");
  tokens.advance();
  if (tokens.atWord("as")) throw tokens.refuse("import as");
  if (path.text.endsWith(".json")) return { kind: "import", path: path.text, format: "json", at };
  if (path.text.endsWith(".ncl")) return { kind: "import", path: path.text, format: "nickel", at };
  throw failAt("nickel_import_refused", at, `${JSON.stringify(path.text.slice(0, 200))} is neither .ncl nor .json`, {
    path: path.text,
    validNickel: true,
  });
}

/** After a complete value: whatever Nickel would let follow that computes. */
function refuseContinuation(tokens: TokenStream): void {
  const token = tokens.current;
  if (token.type === "punctuation") {
    if (OPERATORS.has(token.text)) throw tokens.refuse(`operator \`${token.text}\``);
    if (token.text === "." && ["word", "string"].includes(tokens.peek().type)) throw tokens.refuse("field access");
    if (token.text === "|>") throw tokens.refuse("pipe");
    if (token.text === "->") throw tokens.refuse("function type");
  }
  if (beginsAtom(token) && !isForgottenComma(tokens)) throw tokens.refuse("function application");
}

function beginsAtom(token: Token): boolean {
  if (token.type === "punctuation")
    return token.text === "{" || token.text === "[" || token.text === "(" || token.text === "[|" || token.text === "_";
  if (token.type === "word")
    return !RESERVED.has(token.text) || TYPE_WORDS.has(token.text) || ["null", "true", "false"].includes(token.text);
  return token.type === "string" || token.type === "number" || token.type === "tag";
}

/** `a = 1 b = 2`: by the grammar an application and then nonsense; to its author, a missing comma. */
function isForgottenComma(tokens: TokenStream): boolean {
  const { type } = tokens.current;
  if (type !== "word" && type !== "string") return false;
  const next = tokens.peek();
  return next.type === "punctuation" && (next.text === "=" || next.text === "|");
}
