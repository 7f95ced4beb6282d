// What agents may read: the architecture as nodes, decisions and invariants; modes; the approved policy; the reference pages.
import { INVARIANTS, TriplaneError } from "@triplane/contract";
import type { Desk } from "./ports.ts";

export interface ResourceEntry {
  readonly uri: string;
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly mimeType: string;
}

export interface ResourceText {
  readonly uri: string;
  readonly mimeType: string;
  readonly text: string;
}

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/markdown";

interface Shelf {
  readonly name: string;
  readonly description: string;
  /** Whether its things are read one by one as well, as `triplane://<name>/<id>`. */
  readonly single: { readonly title: string; readonly mimeType: string } | undefined;
  /** All of it; absent where only single things are read. */
  all?(desk: Desk): Promise<unknown>;
  ids?(desk: Desk): Promise<readonly string[]>;
  /** Undefined where there is no such thing. */
  one?(desk: Desk, id: string): Promise<unknown>;
}

const SHELVES: readonly Shelf[] = [
  {
    name: "ontology",
    description: "The parts of the system: what each is, the files it is made of, the invariants it keeps, what it rests on.",
    single: { title: "A part of the system", mimeType: JSON_TYPE },
    all: (desk) => desk.knowledge.ontology(),
    ids: async (desk) => (await desk.knowledge.ontology()).nodes.map(({ id }) => id),
    one: async (desk, id) => (await desk.knowledge.ontology()).nodes.find((node) => node.id === id),
  },
  {
    name: "adrs",
    description: "The decisions made so far, by id, title and status.",
    single: { title: "A decision: context, decision, consequences, constraints", mimeType: JSON_TYPE },
    all: async (desk) => (await desk.knowledge.adrs()).map(({ id, title, status }) => ({ id, title, status })),
    ids: async (desk) => (await desk.knowledge.adrs()).map(({ id }) => id),
    one: async (desk, id) => (await desk.knowledge.adrs()).find((adr) => adr.id === id),
  },
  {
    name: "invariants",
    description: "What always holds, with the decisions that made each so.",
    single: { title: "An invariant, its decisions, what keeps it and what guards it", mimeType: JSON_TYPE },
    all: async (desk) => (await desk.knowledge.subjects()).invariants,
    ids: async () => Object.keys(INVARIANTS),
    one: async (desk, id) => (Object.hasOwn(INVARIANTS, id) ? await desk.knowledge.why(id) : undefined),
  },
  {
    name: "modes",
    description: "The procedures of this system, by id.",
    single: { title: "A procedure in full", mimeType: JSON_TYPE },
    all: (desk) => desk.modes.list(),
    ids: async (desk) => (await desk.modes.list()).map(({ id }) => id),
    one: async (desk, id) => ((await desk.modes.list()).some((mode) => mode.id === id) ? await desk.modes.read(id) : undefined),
  },
  {
    name: "policy",
    description:
      "The approved policy, resolved, with the commit that proves it: what is signed without a person, what people approve, what is refused.",
    single: undefined,
    all: (desk) => desk.knowledge.policy(),
  },
  {
    name: "workspace",
    description: "The targets of the workspace as they are now.",
    single: undefined,
    all: (desk) => desk.knowledge.targets(),
  },
  {
    name: "docs",
    description: "The reference pages, by name.",
    single: { title: "A reference page", mimeType: TEXT_TYPE },
    all: (desk) => desk.knowledge.pages(),
    ids: (desk) => desk.knowledge.pages(),
    one: (desk, id) => desk.knowledge.page(id),
  },
];

/** What is listed: whole shelves first, then every single thing. */
export async function listResources(desk: Desk): Promise<readonly ResourceEntry[]> {
  const whole = SHELVES.map(({ name, description }) => ({ uri: `triplane://${name}`, name, description, mimeType: JSON_TYPE }));
  const single = await Promise.all(
    SHELVES.map(async ({ name, single: kind, ids }) =>
      kind === undefined
        ? []
        : ((await ids?.(desk)) ?? []).map((id) => ({
            ...{ uri: `triplane://${name}/${id}`, name: `${name}/${id}`, description: kind.title, mimeType: kind.mimeType },
          })),
    ),
  );
  return [...whole, ...single.flat()];
}

export function listTemplates(): readonly {
  readonly uriTemplate: string;
  readonly name: string;
  readonly description: string;
  readonly mimeType: string;
}[] {
  return SHELVES.flatMap(({ name, single }) =>
    single === undefined
      ? []
      : [{ uriTemplate: `triplane://${name}/{id}`, name: `one-of-${name}`, description: single.title, mimeType: single.mimeType }],
  );
}

const URI = /^triplane:\/\/([a-z]{1,32})(?:\/([A-Za-z0-9][A-Za-z0-9._-]{0,127}))?$/;

/** Throws `not_found`. An id is looked up among those that there are; it never becomes a path. */
export async function readResource(desk: Desk, uri: string): Promise<ResourceText> {
  const [, name, id] = URI.exec(uri) ?? [];
  const shelf = SHELVES.find((each) => each.name === name);
  const found = id === undefined ? await shelf?.all?.(desk) : await shelf?.one?.(desk, id);
  if (shelf === undefined || found === undefined)
    throw new TriplaneError("not_found", `there is no resource ${JSON.stringify(uri.slice(0, 200))}`, {
      hint: "resources/list names all that there are.",
    });
  const mimeType = id === undefined ? JSON_TYPE : (shelf.single?.mimeType ?? JSON_TYPE);
  return { uri, mimeType, text: typeof found === "string" ? found : JSON.stringify(found, null, 2) };
}

/** For the reference page. */
export function describeShelves(): readonly { readonly uri: string; readonly what: string }[] {
  return SHELVES.flatMap(({ name, description, single }) => [
    { uri: `triplane://${name}`, what: description },
    ...(single === undefined ? [] : [{ uri: `triplane://${name}/{id}`, what: `${single.title}.` }]),
  ]);
}
