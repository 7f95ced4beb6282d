// Merkle tree hashing of RFC 6962 section 2.1 with SHA-256, and inclusion proofs (verification: RFC 9162 section 2.1.3.2).
import { createHash } from "node:crypto";

export const HASH_BYTES = 32;

export function leafHash(entry: string | Uint8Array): Buffer {
  return createHash("sha256").update(Buffer.of(0)).update(entry).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update(Buffer.of(1)).update(left).update(right).digest();
}

/** Root of a tree without leaves. */
export function emptyRoot(): Buffer {
  return createHash("sha256").digest();
}

/** Root over hashes that are each the root of an equally large perfect subtree. */
export function rootOf(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes;
  if (first === undefined) return emptyRoot();
  if (hashes.length === 1) return first;
  const split = largestPowerBelow(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}

/** The largest power of two below `count`, for count of 2 and more. */
export function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** Hash of the perfect subtree number `index` of 2^height leaves. */
export type SubtreeHash = (height: number, index: number) => Promise<Buffer>;

/** The hashes from the leaf's sibling up to the root's child (RFC 6962 section 2.1.1). */
export async function inclusionProof(index: number, size: number, subtree: SubtreeHash): Promise<Buffer[]> {
  const path: Buffer[] = [];
  let [low, high] = [0, size];
  while (high - low > 1) {
    const middle = low + largestPowerBelow(high - low);
    const right = index >= middle;
    path.unshift(right ? await rangeHash(low, middle, subtree) : await rangeHash(middle, high, subtree));
    if (right) low = middle;
    else high = middle;
  }
  return path;
}

/** Root of the tree over the first `size` leaves. */
export async function rootOfFirst(size: number, subtree: SubtreeHash): Promise<Buffer> {
  return size === 0 ? emptyRoot() : rangeHash(0, size, subtree);
}

async function rangeHash(low: number, high: number, subtree: SubtreeHash): Promise<Buffer> {
  const count = high - low;
  const height = Math.log2(count);
  if (Number.isInteger(height)) return subtree(height, low / count);
  const middle = low + largestPowerBelow(count);
  return nodeHash(await rangeHash(low, middle, subtree), await rangeHash(middle, high, subtree));
}

/** The root that a proof leads to, or undefined where the proof does not fit index and size. */
export function rootFromProof(leaf: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return undefined;
  let position = BigInt(index);
  let last = BigInt(size) - 1n;
  let root = leaf;
  for (const sibling of proof) {
    if (last === 0n || sibling.length !== HASH_BYTES) return undefined;
    if (position % 2n === 1n || position === last) {
      root = nodeHash(sibling, root);
      while (position % 2n === 0n && position !== 0n) {
        position /= 2n;
        last /= 2n;
      }
    } else {
      root = nodeHash(root, sibling);
    }
    position /= 2n;
    last /= 2n;
  }
  return last === 0n ? root : undefined;
}
