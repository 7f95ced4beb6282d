// Limits of the store: what a document, an id and a commit may be at most.

/** Bytes of a document's JSON. */
export const MAX_DOCUMENT_BYTES: number = 1024 * 1024;
/** Nesting of a document. */
export const MAX_DOCUMENT_DEPTH = 48;
/** Characters of a document's id. */
export const MAX_ID_CHARS = 512;
/** Writes in one commit. */
export const MAX_COMMIT_WRITES = 1000;
/** What commits that share a transaction write together at most; one alone may write more. */
export const MAX_GROUP_WRITES = 500;
export const MAX_GROUP_BYTES: number = 16 * 1024 * 1024;
/** Documents that one trip reads by id. */
export const MAX_READ_TOGETHER = 500;
/** Documents of a page on average; the ends of pages are drawn by lot, so that one in a thousand has seven times as many. */
export const MEAN_PAGE = 256;
/** Attempts of a commit that collides with others before `store_conflict`. */
export const MAX_COMMIT_ATTEMPTS = 40;
export const DEFAULT_OPEN_TIMEOUT_MS = 10_000;
