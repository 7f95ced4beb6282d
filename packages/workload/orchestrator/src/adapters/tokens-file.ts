// The tokens file as it is now: whoever is taken out of it is refused from their next request on, whoever is put in is let in.
//
// 1. The file is looked at with every request and read again when it was replaced; nothing has to be started again.
// 2. A file that is gone or does not read lets nobody in (`no-fail-open`).
import { readFileSync, statSync } from "node:fs";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { type Caller, type TokenScope, Tokens } from "../http/tokens.ts";

export class TokensFile {
  readonly #file: string;
  readonly #logger: Logger;
  #seen: string;
  #tokens: Tokens | undefined;

  /** Throws `config_invalid` where the file does not read: the orchestrator does not start with a broken one. */
  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
    this.#seen = standing(file);
    this.#tokens = read(file);
  }

  /** As `Tokens.authorize`; throws `unauthorized` as well while the file does not read. */
  authorize(header: string | undefined, scope: TokenScope): Caller {
    this.#follow();
    if (this.#tokens === undefined) throw new TriplaneError("unauthorized", "the tokens file does not read, so nobody is let in");
    return this.#tokens.authorize(header, scope);
  }

  #follow(): void {
    const now = standing(this.#file);
    if (now === this.#seen) return;
    this.#seen = now;
    try {
      this.#tokens = read(this.#file);
      this.#logger.info({ file: this.#file }, "the tokens file was replaced");
    } catch (thrown) {
      this.#tokens = undefined;
      this.#logger.error({ err: toTriplaneError(thrown) }, "the tokens file does not read: nobody is let in");
    }
  }
}

// It is replaced as a whole (rename), so another file has another inode or another time.
function standing(file: string): string {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? "none" : `${stats.ino}/${stats.mtimeNs}/${stats.size}`;
}

function read(file: string): Tokens {
  try {
    return Tokens.parse(readFileSync(file, "utf8"), file);
  } catch (cause) {
    const known = toTriplaneError(cause);
    if (known.code === "config_invalid") throw known;
    throw new TriplaneError("config_invalid", `the tokens file ${file} cannot be read`, { cause });
  }
}
