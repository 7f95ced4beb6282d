// Nickel contracts from JSON Schema: for people who write .ncl files with `nickel` or its language server at hand.
//
// 1. A contract accepts what the schema accepts, or the schema is refused here. What a schema cannot say (refinements in code) it does not say either.
// 2. Fields with a default are optional: a default in a contract would clash with one in a file (Nickel merges both at one priority).
import { nickelName, nickelRawString, nickelString, nickelTag } from "./nickel-text.ts";
import { PRELUDE, preludeFor } from "./prelude.ts";
import { rustPattern } from "./regex.ts";
import { assertKnown, discriminatorOf, inexpressible, type Literal, type Shape, type Words, wordsOf } from "./shape.ts";

export interface ContractFile {
  /** Comment lines at its head, without the `#`. */
  readonly head: readonly string[];
  readonly contracts: Readonly<Record<string, Shape>>;
  /** How choices among words are written in the files that the contracts are for. */
  readonly words: Words;
  /** More fields of the file's record, as Nickel. */
  readonly more?: string;
}

/** The text of a file that is a record of contracts. Throws `internal` for a schema that no contract can say. */
export function renderContracts(file: ContractFile): string {
  const contracts = Object.entries(file.contracts).map(
    ([name, shape]) => `  ${nickelName(name)} = ${new Writer(file.words).contracts(shape, name, "  ").join(" | ")},\n`,
  );
  const body = `{\n${contracts.join("")}${file.more ?? ""}}\n`;
  return `${file.head.map((line) => `# ${line}`.trimEnd()).join("\n")}\n${preludeFor(body)}${body}`;
}

const SHADOWING: ReadonlySet<string> = new Set(["std", ...PRELUDE.map(({ name }) => name)]);

class Writer {
  readonly #words: Words;

  constructor(words: Words) {
    this.#words = words;
  }

  /** The contracts that a shape amounts to, each safe as an operand; a value has to keep all of them. */
  contracts(shape: Shape, at: string, indent: string): readonly [string, ...string[]] {
    assertKnown(shape, at);
    const words = wordsOf(shape);
    if (words !== undefined) return [this.#choice(words, shape.nickel ?? this.#words)];
    if (shape.const !== undefined) return [`(Only' ${literal(shape.const)})`];
    if (shape.enum !== undefined) throw inexpressible(at, "a choice of mixed literals");
    const options = shape.oneOf ?? shape.anyOf;
    if (options !== undefined) return [this.#union(options, at, indent)];
    switch (shape.type) {
      case "string":
        return text(shape, at);
      case "integer":
      case "number":
        return numbers(shape);
      case "boolean":
        return ["Bool"];
      case "null":
        return ["(Only' null)"];
      case "array":
        return this.#array(shape, at, indent);
      case "object":
        return this.#object(shape, at, indent);
      default:
        return ["Dyn"];
    }
  }

  #choice(words: readonly string[], written: Words): string {
    if (written === "tags") return `[| ${words.map(nickelTag).join(", ")} |]`;
    return `(${written === "strings" ? "Word'" : "TagOrWord'"} [${words.map(nickelString).join(", ")}])`;
  }

  #union(options: readonly Shape[], at: string, indent: string): string {
    const told = discriminatorOf(options);
    const inner = `${indent}  `;
    if (told !== undefined) {
      const cases = [...told.cases].map(
        ([name, option]) => `${inner}${nickelName(name)} = ${atom(this.contracts(option, `${at}.${name}`, inner), at)},\n`,
      );
      return `(Case' ${nickelString(told.field)} {\n${cases.join("")}${indent}})`;
    }
    const types = options.map(({ type }) => (type === "integer" ? "number" : type));
    // Nickel decides by the first look at a value; of different types that look is enough.
    if (types.includes(undefined) || new Set(types).size !== types.length)
      throw inexpressible(at, "a union whose alternatives nothing tells apart at first look");
    return `(std.contract.any_of [${options.map((option, index) => atom(this.contracts(option, `${at}[${index}]`, indent), at)).join(", ")}])`;
  }

  #array(shape: Shape, at: string, indent: string): readonly [string, ...string[]] {
    const [first, ...others] = this.contracts(shape.items ?? {}, `${at}[]`, indent).map((contract) => `Array ${operand(contract)}`);
    const limits =
      shape.minItems === undefined && shape.maxItems === undefined ? [] : [`(Items' ${shape.minItems ?? 0} ${most(shape.maxItems)})`];
    return [first ?? "Array Dyn", ...others, ...limits];
  }

  #object(shape: Shape, at: string, indent: string): readonly [string, ...string[]] {
    const { properties = {}, additionalProperties, propertyNames } = shape;
    if (typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0 && Object.keys(properties).length > 0)
      throw inexpressible(at, "a record with named fields and a shape for all others");
    if (Object.keys(properties).length > 0 || additionalProperties === false) return [this.#record(shape, at, indent)];
    const [first, ...others] = this.contracts(additionalProperties ?? {}, `${at}.*`, indent).map((contract) => `{ _ | ${contract} }`);
    const pattern = propertyNames?.pattern;
    const names = pattern === undefined ? [] : [`(Names' ${matching(propertyNames ?? {}, pattern, at)})`];
    return [first ?? "{ _ | Dyn }", ...others, ...names];
  }

  #record(shape: Shape, at: string, indent: string): string {
    const inner = `${indent}  `;
    const fields = Object.entries(shape.properties ?? {}).map(([name, member]) => {
      if (SHADOWING.has(name)) throw inexpressible(at, `a field called ${name} would hide what its contract is made of`);
      const doc = documentation(member);
      return `${inner}${nickelName(name)} | ${[
        ...this.contracts(member, `${at}.${name}`, inner),
        ...(doc === undefined ? [] : [`doc ${nickelString(doc)}`]),
        ...(shape.required?.includes(name) === true ? [] : ["optional"]),
      ].join(" | ")},\n`;
    });
    const open = shape.additionalProperties === false ? "" : `${inner}..\n`;
    return `{\n${fields.join("")}${open}${indent}}`;
  }
}

function text(shape: Shape, at: string): readonly [string, ...string[]] {
  const { pattern, minLength, maxLength } = shape;
  const length = minLength === undefined && maxLength === undefined ? [] : [`(Text' ${minLength ?? 0} ${most(maxLength)})`];
  const matches = pattern === undefined ? [] : [`(Matching' ${matching(shape, pattern, at)})`];
  const [first, ...others] = [...matches, ...length];
  return first === undefined ? ["String"] : [first, ...others];
}

function matching(shape: Shape, pattern: string, at: string): string {
  return `${nickelRawString(rustPattern(pattern, shape.patternFlags ?? "", at))} ${nickelString(shape.patternMessage ?? `must match ${pattern}`)}`;
}

function numbers(shape: Shape): readonly [string, ...string[]] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = shape;
  const least = signed(minimum ?? Number.MIN_SAFE_INTEGER);
  const bounds = [
    ...(exclusiveMinimum === undefined ? [] : [`(Above' ${signed(exclusiveMinimum)})`]),
    ...(exclusiveMaximum === undefined ? [] : [`(Below' ${signed(exclusiveMaximum)})`]),
  ];
  if (shape.type === "integer") return [`(Integer' ${least} ${most(maximum)})`, ...bounds];
  const [first, ...others] = bounds;
  if (minimum !== undefined || maximum !== undefined) return [`(Between' ${least} ${most(maximum)})`, ...bounds];
  return first === undefined ? ["Number"] : [first, ...others];
}

function most(limit: number | undefined): string {
  return signed(limit ?? Number.MAX_SAFE_INTEGER);
}

function signed(value: number): string {
  return value < 0 ? `(${value})` : String(value);
}

function literal(value: Literal): string {
  return typeof value === "string" ? nickelString(value) : typeof value === "number" ? signed(value) : String(value);
}

/** One contract where only one may stand. */
function atom(contracts: readonly string[], at: string): string {
  const [only, ...others] = contracts;
  if (only === undefined || others.length > 0) throw inexpressible(at, "an alternative with several contracts");
  return only.startsWith("Array ") ? `(${only})` : only;
}

function operand(contract: string): string {
  return contract.startsWith("Array ") ? `(${contract})` : contract;
}

function documentation({ description, default: preset }: Shape): string | undefined {
  const said = [description, preset === undefined ? undefined : `Default: ${JSON.stringify(preset)}`].filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join(" ");
}
