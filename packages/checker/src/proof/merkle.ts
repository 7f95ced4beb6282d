// The Merkle tree of RFC 6962 section 2.1, as a growing list of perfect subtrees, and the tiles of C2SP tlog-tiles.
import { createHash } from "node:crypto";

export function leafHash(record: string): Buffer {
  return createHash("sha256").update(Buffer.of(0)).update(record, "latin1").digest();
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update(Buffer.of(1)).update(left).update(right).digest();
}

/** Keeps every leaf's hash, for the tiles, and the roots of the perfect subtrees from left to right. */
export class GrowingTree {
  readonly leaves: Buffer[] = [];
  readonly #peaks: { readonly height: number; readonly hash: Buffer }[] = [];

  append(record: string): void {
    let peak = { height: 0, hash: leafHash(record) };
    this.leaves.push(peak.hash);
    for (let last = this.#peaks.at(-1); last?.height === peak.height; last = this.#peaks.at(-1)) {
      this.#peaks.pop();
      peak = { height: peak.height + 1, hash: nodeHash(last.hash, peak.hash) };
    }
    this.#peaks.push(peak);
  }

  root(): Buffer {
    const [last, ...before] = [...this.#peaks].reverse();
    if (last === undefined) return createHash("sha256").digest();
    return before.reduce((right, left) => nodeHash(left.hash, right), last.hash);
  }
}

const TILE = 256;

/** Every tile that a tree of these leaves has now, by path. */
export function tilesOf(leaves: readonly Buffer[]): ReadonlyMap<string, Buffer> {
  const tiles = new Map<string, Buffer>();
  let hashes = leaves;
  for (let level = 0; hashes.length > 0; level += 1) {
    const above: Buffer[] = [];
    for (let index = 0; index * TILE < hashes.length; index += 1) {
      const part = hashes.slice(index * TILE, (index + 1) * TILE);
      const width = part.length === TILE ? "" : `.p/${part.length}`;
      tiles.set(`tile/${level}/${tileNumber(index)}${width}`, Buffer.concat(part));
      if (part.length === TILE) above.push(perfectRoot(part));
    }
    hashes = above;
  }
  return tiles;
}

function tileNumber(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g) ?? [];
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
}

function perfectRoot(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    const next: Buffer[] = [];
    for (let at = 0; at < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left !== undefined && right !== undefined) next.push(nodeHash(left, right));
    }
    row = next;
  }
  return row[0] ?? createHash("sha256").digest();
}
