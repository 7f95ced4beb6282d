// Lists: filters, order and pages, with `meta.pagination` and a `Link` header.
import { matches, parseSelector } from "../world/labels.ts";
import type { Answer, Call } from "./call.ts";
import { invalid } from "./error.ts";

const DEFAULT_PER_PAGE = 25;
const MAX_PER_PAGE = 50;

/** Members that lists are sorted and filtered by; absent where a thing has none. */
export interface Listed {
  readonly id: number;
  readonly name?: string | undefined;
  readonly createdMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The page that the query asks for. `sort` knows id, name and created, and what `more` adds. */
export function page<T extends Listed>(
  call: Call,
  member: string,
  things: readonly T[],
  render: (thing: T) => unknown,
  more: Readonly<Record<string, (thing: T) => number | string>> = {},
): Answer {
  const chosen = sorted(call, filtered(call, things), more);
  const wanted = number(call, "per_page", DEFAULT_PER_PAGE, 1, MAX_PER_PAGE);
  const perPage = Math.min(wanted, call.pageCap ?? MAX_PER_PAGE);
  const lastPage = Math.max(1, Math.ceil(chosen.length / perPage));
  const current = number(call, "page", 1, 1, Number.MAX_SAFE_INTEGER);
  const entries = chosen.slice((current - 1) * perPage, current * perPage);
  const previous = current > 1 ? Math.min(current - 1, lastPage) : null;
  const next = current < lastPage ? current + 1 : null;
  const pagination = {
    ...{ page: current, per_page: perPage, previous_page: previous, next_page: next, last_page: lastPage },
    total_entries: chosen.length,
  };
  const links = [
    ...(next === null ? [] : [link(call, next, "next")]),
    ...(previous === null ? [] : [link(call, previous, "prev")]),
    link(call, lastPage, "last"),
  ];
  return { status: 200, body: { [member]: entries.map(render), meta: { pagination } }, headers: { link: links.join(", ") } };
}

function filtered<T extends Listed>(call: Call, things: readonly T[]): readonly T[] {
  const name = call.query.get("name");
  const selector = call.query.get("label_selector");
  const requirements = selector === null || selector === "" ? [] : parseSelector(selector);
  if (requirements === undefined) throw invalid("label_selector", "is not a valid label selector");
  return things.filter((thing) => (name === null || thing.name === name) && matches(requirements, thing.labels ?? {}));
}

function sorted<T extends Listed>(
  call: Call,
  things: readonly T[],
  more: Readonly<Record<string, (thing: T) => number | string>>,
): readonly T[] {
  const keys: Readonly<Record<string, (thing: T) => number | string>> = {
    ...{ id: (thing: T) => thing.id, name: (thing: T) => thing.name ?? "", created: (thing: T) => thing.createdMs ?? 0 },
    ...more,
  };
  const orders = call.query.getAll("sort").map((each) => {
    const [field = "", direction = "asc"] = each.split(":");
    const key = Object.hasOwn(keys, field) ? keys[field] : undefined;
    if (key === undefined || !["asc", "desc"].includes(direction)) throw invalid("sort", `cannot sort by ${each}`);
    return { key, sign: direction === "asc" ? 1 : -1 };
  });
  return [...things].sort((a, b) => {
    for (const { key, sign } of orders) {
      const [left, right] = [key(a), key(b)];
      if (left !== right) return left < right ? -sign : sign;
    }
    return a.id - b.id;
  });
}

function link(call: Call, to: number, relation: string): string {
  const query = new URLSearchParams(call.query);
  query.set("page", String(to));
  return `<${call.address}?${query}>; rel="${relation}"`;
}

function number(call: Call, name: string, fallback: number, min: number, max: number): number {
  const text = call.query.get(name);
  if (text === null) return fallback;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min)) throw invalid(name, `must be a number from ${min}`);
  return Math.min(value, max);
}
