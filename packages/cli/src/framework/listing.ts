// The table of contents of a program. It needs no library, so that help and the choice of a command cost next to nothing.
import type { Command } from "./command.ts";

/** A command before it is loaded. */
export interface Listing {
  /** The group, as in `op submit`; undefined for a command of the first level. */
  readonly noun: string | undefined;
  readonly verb: string;
  /** `op submit`. */
  readonly name: string;
  /** One line without a full stop. */
  readonly summary: string;
  load(): Promise<Command>;
}

export type ListedCommand = Omit<Listing, "load"> & Command;

/** `name` is the verb, after its group if it has one. */
export function listed(name: string, summary: string, load: () => Promise<Command>): Listing {
  const [first = "", second] = name.split(" ");
  return { noun: second === undefined ? undefined : first, verb: second ?? first, name, summary, load };
}

export async function loadCommand({ load, ...listing }: Listing): Promise<ListedCommand> {
  return { ...listing, ...(await load()) };
}

export function loadCommands(listings: readonly Listing[]): Promise<readonly ListedCommand[]> {
  return Promise.all(listings.map(loadCommand));
}

/** The one that these words of a command line begin with; options may stand anywhere, `help` in front. */
export function commandAt(listings: readonly Listing[], argv: readonly string[]): Listing | undefined {
  const words = argv.filter((word) => !word.startsWith("-"));
  const [first, second] = words[0] === "help" ? words.slice(1) : words;
  const inGroup = listings.find(({ noun, verb }) => noun !== undefined && noun === first && verb === second);
  return inGroup ?? listings.find(({ noun, verb }) => noun === undefined && verb === first);
}
