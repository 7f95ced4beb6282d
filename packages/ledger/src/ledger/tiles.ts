// The Merkle tree as C2SP tlog-tiles files: hashes in tiles of 256, of which an append touches only the rightmost.
import { TriplaneError } from "@triplane/contract";
import { emptyRoot, HASH_BYTES, leafHash, nodeHash, rootOf, type SubtreeHash } from "./merkle.ts";

const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** `tile/<L>/<N>[.p/<W>]`; a width of 256 is the full tile. */
export function tilePath(level: number, index: number, width: number): string {
  return `tile/${level}/${numberPath(index)}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** `<N>` as C2SP tlog-tiles writes it: three digits a folder, all but the last with an x. */
export function numberPath(index: number): string {
  let rest = Math.floor(index / 1000);
  let path = pad3(index % 1000);
  while (rest > 0) {
    path = `x${pad3(rest % 1000)}/${path}`;
    rest = Math.floor(rest / 1000);
  }
  return path;
}

function pad3(value: number): string {
  return String(value).padStart(3, "0");
}

/** Reads a tile's file, or undefined where there is none. */
export type ReadFile = (path: string) => Promise<Buffer | undefined>;

/** Files of one append: path to content, undefined where a partial tile gives way to a wider one. */
export type TileChanges = ReadonlyMap<string, Buffer | undefined>;

/** The right edge of the tree; all that an append needs. */
export class TileTree {
  #size: number;
  /** By level: the hashes of the partial tile. */
  readonly #edge: Buffer[][];

  private constructor(size: number, edge: Buffer[][]) {
    this.#size = size;
    this.#edge = edge;
  }

  static empty(): TileTree {
    return new TileTree(0, []);
  }

  /** Reads the right edge of a tree of `size` leaves. Throws `ledger_tree_invalid`. */
  static async load(size: number, readFile: ReadFile): Promise<TileTree> {
    const edge: Buffer[][] = [];
    for (let [level, count] = [0, size]; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
      const width = count % TILE_WIDTH;
      edge.push(width === 0 ? [] : await readTile(level, Math.floor(count / TILE_WIDTH), width, readFile));
    }
    return new TileTree(size, edge);
  }

  get size(): number {
    return this.#size;
  }

  clone(): TileTree {
    return new TileTree(
      this.#size,
      this.#edge.map((hashes) => [...hashes]),
    );
  }

  /** Appends entries and returns the files that change. */
  append(entries: readonly string[]): TileChanges {
    return this.appendLeaves(entries.map(leafHash));
  }

  /** Appends leaf hashes and returns the files that change. */
  appendLeaves(leaves: readonly Buffer[]): TileChanges {
    const changes = new Map<string, Buffer | undefined>();
    const touched = new Set<number>();
    for (const leaf of leaves) {
      this.#size += 1;
      this.#add(0, leaf, changes, touched);
    }
    for (const level of touched) {
      const hashes = this.#edge[level] ?? [];
      if (hashes.length > 0) changes.set(tilePath(level, this.#tileIndex(level), hashes.length), Buffer.concat(hashes));
    }
    return changes;
  }

  root(): Buffer {
    let root: Buffer | undefined;
    for (const hashes of this.#edge) {
      for (const peak of peaksOf(hashes).reverse()) root = root === undefined ? peak : nodeHash(peak, root);
    }
    return root ?? emptyRoot();
  }

  #add(level: number, hash: Buffer, changes: Map<string, Buffer | undefined>, touched: Set<number>): void {
    const hashes = this.#edge[level] ?? [];
    this.#edge[level] = hashes;
    if (!touched.has(level)) {
      touched.add(level);
      // Before the first change of this level: the partial tile that now gives way.
      if (hashes.length > 0) changes.set(tilePath(level, this.#tileIndexBefore(level), hashes.length), undefined);
    }
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    changes.set(tilePath(level, this.#tileIndex(level) - 1, TILE_WIDTH), Buffer.concat(hashes));
    const root = rootOf(hashes);
    this.#edge[level] = [];
    this.#add(level + 1, root, changes, touched);
  }

  /** Number of full tiles of a level. */
  #tileIndex(level: number): number {
    return Math.floor(this.#size / TILE_WIDTH ** (level + 1));
  }

  #tileIndexBefore(level: number): number {
    return Math.floor((this.#size - 1) / TILE_WIDTH ** (level + 1));
  }
}

/** Roots of the perfect trees that a partial tile is made of, largest first. */
function peaksOf(hashes: readonly Buffer[]): Buffer[] {
  const peaks: Buffer[] = [];
  let at = 0;
  for (let width = TILE_WIDTH / 2; width >= 1; width /= 2) {
    if ((hashes.length & width) === 0) continue;
    peaks.push(rootOf(hashes.slice(at, at + width)));
    at += width;
  }
  return peaks;
}

async function readTile(level: number, index: number, width: number, readFile: ReadFile): Promise<Buffer[]> {
  const path = tilePath(level, index, width);
  const bytes = await readFile(path);
  if (bytes === undefined) throw new TriplaneError("ledger_tree_invalid", `${path} is missing`);
  if (bytes.length !== width * HASH_BYTES)
    throw new TriplaneError("ledger_tree_invalid", `${path} has ${bytes.length} bytes, not ${width * HASH_BYTES}`);
  return Array.from({ length: width }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

/** Subtree hashes of a tree of `size` leaves out of its tiles, for proofs. */
export function subtreesOf(size: number, readFile: ReadFile): SubtreeHash {
  return async (height, index) => {
    const level = Math.floor(height / TILE_HEIGHT);
    const width = 2 ** (height - level * TILE_HEIGHT);
    const first = index * width;
    const tile = Math.floor(first / TILE_WIDTH);
    const hashesAtLevel = Math.floor(size / TILE_WIDTH ** level);
    const hashes = await readTile(level, tile, Math.min(TILE_WIDTH, hashesAtLevel - tile * TILE_WIDTH), readFile);
    return rootOf(hashes.slice(first % TILE_WIDTH, (first % TILE_WIDTH) + width));
  };
}
