// Known mistakes of a pool, each as a change of its text, and the words in which a simulated world notices it.
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

interface Mutant {
  readonly name: string;
  /** What is wrong with it, for people. */
  readonly wrong: string;
  /** Below src/. */
  readonly file: string;
  /** Has to be there exactly once. */
  readonly find: string;
  readonly put: string;
  readonly notices: RegExp;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "intent-after-create",
    wrong: "a create is sent before it is on disk that it will be",
    file: "lease-worker.ts",
    find: 'await this.#book.change(lease.id, attempt, "attempt").finally(() => this.#chosen.delete(lease.id))',
    put: "attempt(lease)",
    notices: /ended while its runner was there/,
  },
  {
    name: "no-adoption",
    wrong: "a server that is found under the lease's name is not taken for the lease's",
    file: "lease-worker.ts",
    find: "    if (server === undefined) {\n      await this.#book.change(lease.id, (now) => notFound",
    put: "    if (server === undefined || server.id !== lease.serverId) {\n      await this.#book.change(lease.id, (now) => notFound",
    notices: /ended while its runner was there/,
  },
  {
    name: "reaper-from-database",
    wrong: "the reaper looks at the servers that the database knows, not at those that the provider has",
    file: "reaping.ts",
    find: "const servers = await this.#calls.list(settings.pool);",
    put: "const servers = (await this.#calls.list(settings.pool)).filter(({ id }) => before.some(({ serverId }) => serverId === id));",
    notices: /was never destroyed/,
  },
  {
    name: "ttl-ignored",
    wrong: "a lease whose holder shows itself lives on after its time",
    file: "engine/steps.ts",
    find: "return nowS >= expiresAtS;",
    put: "return nowS >= expiresAtS + 999_999;",
    notices: /is ready after its time/,
  },
  {
    name: "retry-not-bounded",
    wrong: "any build may say that it retries another one",
    file: "engine/admission.ts",
    find: "if (request.retry_of === undefined) return;",
    put: "return;",
    notices: /retried twice/,
  },
  {
    name: "reaper-touches-strangers",
    wrong: "whatever is in the provider's list is taken for the pool's own",
    file: "engine/reaper.ts",
    find: 'view.servers.filter(({ labels }) => labels?.["managed-by"] === "triplane" && labels.pool === settings.pool)',
    put: "view.servers",
    notices: /(?:stranger's|another pool's) server was destroyed/,
  },
  {
    name: "destroy-once",
    wrong: "a destroy that fails is taken for done",
    file: "lease-worker.ts",
    find: "await this.#calls.destroy(step.serverId);",
    put: "await this.#calls.destroy(step.serverId).catch(() => undefined);",
    notices: /ended while its runner was there/,
  },
  {
    name: "below-its-memory",
    wrong: "a machine that has half of the memory will do",
    file: "engine/offers.ts",
    find: "offer.memoryMib >= TIER_SIZES[need.tier].memoryMib)",
    put: "offer.memoryMib * 2 >= TIER_SIZES[need.tier].memoryMib)",
    notices: /less than cx/,
  },
];

const SRC = new URL("../", import.meta.url).href;
const TAG = "mutant";

/** Another copy of this package's simulated world, with the mutant's text in it. Throws where the mutant does not fit the text any more. */
export async function mutatedWorld(mutant: Mutant): Promise<typeof import("./simulated-world.ts")> {
  const tag = `?${TAG}=${mutant.name}`;
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      const isOurs = context.parentURL?.endsWith(tag) === true && resolved.url.startsWith(SRC);
      return isOurs ? { ...resolved, url: `${resolved.url}${tag}` } : resolved;
    },
    load: (url, context, next) => {
      if (!url.endsWith(tag)) return next(url, context);
      const loaded = next(url.slice(0, -tag.length), context);
      return url === `${SRC}${mutant.file}${tag}` ? { ...loaded, source: edited(sourceText(loaded.source), mutant) } : loaded;
    },
  });
  try {
    return await import(`./simulated-world.ts${tag}`);
  } finally {
    hooks.deregister();
  }
}

/** Throws unless the text to replace is there exactly once. */
function edited(text: string, { name, file, find, put }: Mutant): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${name} does not fit: ${fileURLToPath(`${SRC}${file}`)} has its text ${parts.length - 1} times`);
  return parts.join(put);
}

function sourceText(source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string {
  if (source === undefined) throw new Error("a module came without its text");
  return typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString("utf8");
}
