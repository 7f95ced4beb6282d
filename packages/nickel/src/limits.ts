// What one reading may cost. There is no evaluation, so these bound time and memory together.

export interface NickelLimits {
  /** Bytes of one file (UTF-8). */
  readonly maxFileBytes: number;
  /** Bytes of all files of one reading; a file that is imported twice counts twice, so imports cannot multiply. */
  readonly maxTotalBytes: number;
  /** Nesting of values, of parentheses and of a field's path. */
  readonly maxDepth: number;
  /** Imports that are followed in one reading. */
  readonly maxImports: number;
}

export const DEFAULT_LIMITS: NickelLimits = {
  maxFileBytes: 1024 * 1024,
  maxTotalBytes: 4 * 1024 * 1024,
  maxDepth: 64,
  maxImports: 256,
};
