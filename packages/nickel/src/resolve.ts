// Values as written to values as meant: imports followed, fields' paths unfolded, pieces merged. Nothing is evaluated.
//
// 1. Every file is read at most as often as the limits allow, and never while it is being read (no cycles).
// 2. Depth is bounded across imports, so the recursion here and after is.
import type { Field, FieldMetadata, Node } from "./ast.ts";
import { checkAnnotations } from "./contracts.ts";
import { resolveImportPath } from "./import-path.ts";
import { parseJson } from "./json-parser.ts";
import type { NickelLimits } from "./limits.ts";
import { addField, mergeValues } from "./merge.ts";
import { parse } from "./parser.ts";
import { failAt } from "./refusals.ts";
import type { Resolved, ResolvedField, ResolvedRecord } from "./resolved.ts";
import { type Place, Source } from "./source-position.ts";

/** Gives the text of a file of the root, or undefined where there is none. */
export type Importer = (path: string) => string | undefined;

export class Resolver {
  readonly #importer: Importer | undefined;
  readonly #limits: NickelLimits;
  readonly #displayRoot: string;
  readonly #open: string[] = [];
  #imports = 0;
  #bytes = 0;

  constructor(importer: Importer | undefined, limits: NickelLimits, displayRoot: string | undefined) {
    this.#importer = importer;
    this.#limits = limits;
    this.#displayRoot = displayRoot === undefined || displayRoot === "" || displayRoot === "." ? "" : `${displayRoot.replace(/\/$/, "")}/`;
  }

  /** Reads one file's text. `file` is its path from the root. */
  file(file: string, text: string, format: "nickel" | "json", depth: number): Resolved {
    const source = new Source(this.#displayRoot + file, text, file);
    const sizeBytes = Buffer.byteLength(text, "utf8");
    this.#bytes += sizeBytes;
    if (sizeBytes > this.#limits.maxFileBytes)
      throw failAt("nickel_too_large", { source, offset: 0 }, `the file has ${sizeBytes} bytes, allowed are ${this.#limits.maxFileBytes}`);
    if (this.#bytes > this.#limits.maxTotalBytes)
      throw failAt("nickel_too_large", { source, offset: 0 }, `all files have more than ${this.#limits.maxTotalBytes} bytes together`);
    this.#open.push(file);
    const node = format === "json" ? parseJson(source, this.#limits) : parse(source, this.#limits);
    const value = this.#resolve(node, depth);
    this.#open.pop();
    return value;
  }

  #resolve(node: Node, depth: number): Resolved {
    if (depth > this.#limits.maxDepth) throw failAt("nickel_too_large", node.at, `nested deeper than ${this.#limits.maxDepth}`);
    switch (node.kind) {
      case "scalar":
        return node;
      case "tag":
        return {
          kind: "tag",
          tag: node.tag,
          at: node.at,
          ...(node.argument === undefined ? {} : { argument: this.#resolve(node.argument, depth + 1) }),
        };
      case "array":
        return { kind: "array", items: node.items.map((item) => this.#resolve(item, depth + 1)), at: node.at };
      case "record":
        return this.#record(node.fields, node.at, depth);
      case "import":
        return this.#import(node, depth);
      case "merge":
        return node.operands.map((operand) => this.#resolve(operand, depth + 1)).reduce(mergeValues);
      case "annotated": {
        const value = this.#resolve(node.value, depth);
        checkAnnotations(node.annotations, value);
        return { ...value, annotated: true };
      }
    }
  }

  #record(fields: readonly Field[], at: Place, depth: number): ResolvedRecord {
    const record: ResolvedRecord = { kind: "record", fields: new Map(), at };
    for (const field of fields) {
      const value = field.value === undefined ? undefined : this.#resolve(field.value, depth + field.path.length);
      const last = field.path.length - 1;
      let inner: ResolvedField | undefined;
      for (let index = last; index >= 0; index -= 1) {
        const element = field.path[index];
        if (element === undefined) continue;
        inner = inner === undefined ? leaf(field.metadata, value, element.at) : wrap(field.path[index + 1]?.name ?? "", inner, element.at);
      }
      const [first] = field.path;
      if (inner !== undefined && first !== undefined) addField(record, first.name, inner);
    }
    return record;
  }

  #import(node: Node & { kind: "import" }, depth: number): Resolved {
    const from = node.at.source.path;
    const path = resolveImportPath(from, node.path, node.at);
    const refuse = (why: string) => failAt("nickel_import_refused", node.at, why, { path });
    if (this.#open.includes(path)) throw refuse(`the imports go in a circle: ${[...this.#open, path].join(" → ")}`);
    this.#imports += 1;
    if (this.#imports > this.#limits.maxImports) throw failAt("nickel_too_large", node.at, `more than ${this.#limits.maxImports} imports`);
    const text = this.#importer?.(path);
    if (text === undefined) throw refuse(`there is no file ${JSON.stringify(path)} to import`);
    return this.file(path, text, node.format, depth + 1);
  }
}

function leaf(metadata: FieldMetadata, value: Resolved | undefined, at: Place): ResolvedField {
  return { ...metadata, at, ...(value === undefined ? {} : { value }) };
}

function wrap(name: string, inner: ResolvedField, at: Place): ResolvedField {
  const value: ResolvedRecord = { kind: "record", fields: new Map([[name, inner]]), at };
  return { at, value, priority: 0, optional: false, notExported: false, annotations: [] };
}
