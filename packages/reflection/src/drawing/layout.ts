// Where the steps of a mode stand: in columns, each step to the right of all that it waits for, with few crossing lines. Pure.
import type { Line } from "./lines.ts";

export interface Box {
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  /** Upper left corners. */
  readonly places: readonly { readonly x: number; readonly y: number }[];
  /** For each line the points that it passes, from the right edge of one box to the left edge of another. */
  readonly ways: readonly (readonly { readonly x: number; readonly y: number }[])[];
  readonly width: number;
  readonly height: number;
}

export interface Spacing {
  readonly columnGap: number;
  readonly rowGap: number;
}

/** A step, or a point through which a line passes a column in which it has no business. */
interface Item {
  readonly height: number;
  readonly before: number[];
  readonly after: number[];
}

const SWEEPS = 12;
/** Beyond this, lines cross columns straight. */
const MAX_ITEMS = 50_000;
const WAYPOINT_HEIGHT = 8;
const MIN_ROW_WIDTH = 900;

/** `lines` has no cycle. What is joined to nothing stands in rows below the rest, in its order. */
export function layOut(boxes: readonly Box[], lines: readonly Line[], spacing: Spacing): Layout {
  const joined = [...new Set(lines.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const at = new Map(joined.map((index, place): [number, number] => [index, place]));
  const graph = layOutJoined(
    joined.map((index) => boxes[index] ?? { width: 0, height: 0 }),
    lines.map(({ from, to, kind }) => ({ from: at.get(from) ?? 0, to: at.get(to) ?? 0, kind })),
    spacing,
  );
  let { width, height } = graph;
  const rowWidth = Math.max(width, MIN_ROW_WIDTH);
  let corner = { x: 0, y: joined.length === 0 ? 0 : height + 2 * spacing.rowGap };
  const places = boxes.map((box, index) => {
    const place = at.get(index);
    if (place !== undefined) return graph.places[place] ?? { x: 0, y: 0 };
    if (corner.x > 0 && corner.x + box.width > rowWidth) corner = { x: 0, y: height + spacing.rowGap };
    const own = corner;
    width = Math.max(width, own.x + box.width);
    height = Math.max(height, own.y + box.height);
    corner = { x: own.x + box.width + spacing.rowGap, y: own.y };
    return own;
  });
  return { places, ways: graph.ways, width, height };
}

function layOutJoined(boxes: readonly Box[], lines: readonly Line[], spacing: Spacing): Layout {
  const column = columnsOf(boxes.length, lines);
  const items: Item[] = boxes.map(({ height }) => ({ height, before: [], after: [] }));
  const columns: number[][] = Array.from({ length: Math.max(0, ...column) + 1 }, () => []);
  for (const [index, at] of column.entries()) columns[at]?.push(index);
  const chains = lines.map(({ from, to }) => {
    const chain = [from];
    for (let at = (column[from] ?? 0) + 1; at < (column[to] ?? 0) && items.length < MAX_ITEMS; at += 1) {
      columns[at]?.push(items.length);
      chain.push(items.length);
      items.push({ height: WAYPOINT_HEIGHT, before: [], after: [] });
    }
    chain.push(to);
    for (let link = 1; link < chain.length; link += 1) {
      const left = chain[link - 1] ?? 0;
      const right = chain[link] ?? 0;
      items[left]?.after.push(right);
      items[right]?.before.push(left);
    }
    return chain;
  });
  order(columns, items);
  const ys = heights(columns, items, spacing.rowGap);
  const widths = columns.map((members) => Math.max(0, ...members.map((member) => boxes[member]?.width ?? 0)));
  const xs: number[] = [];
  for (const [at, width] of widths.entries()) xs.push(at === 0 ? 0 : (xs[at - 1] ?? 0) + (widths[at - 1] ?? width) + spacing.columnGap);
  const columnOfItem = new Map(columns.flatMap((members, at) => members.map((member): [number, number] => [member, at])));
  const middle = (item: number) => (ys[item] ?? 0) + (items[item]?.height ?? 0) / 2;
  return {
    places: boxes.map((_, index) => ({ x: xs[column[index] ?? 0] ?? 0, y: ys[index] ?? 0 })),
    ways: chains.map((chain) =>
      chain.flatMap((item, link) => {
        const at = columnOfItem.get(item) ?? 0;
        const left = { x: xs[at] ?? 0, y: middle(item) };
        const right = { x: left.x + (item < boxes.length ? (boxes[item]?.width ?? 0) : (widths[at] ?? 0)), y: left.y };
        return link === 0 ? [right] : link === chain.length - 1 ? [left] : [left, right];
      }),
    ),
    width: (xs.at(-1) ?? 0) + (widths.at(-1) ?? 0),
    height: items.reduce((most, { height }, item) => Math.max(most, (ys[item] ?? 0) + height), 0),
  };
}

/** The longest way that leads to each step. */
function columnsOf(count: number, lines: readonly Line[]): readonly number[] {
  const column = new Array<number>(count).fill(0);
  const open = new Array<number>(count).fill(0);
  const after: Line[][] = Array.from({ length: count }, () => []);
  for (const line of lines) {
    open[line.to] = (open[line.to] ?? 0) + 1;
    after[line.from]?.push(line);
  }
  const queue = open.flatMap((waiting, index) => (waiting === 0 ? [index] : []));
  for (let next = 0; next < queue.length; next += 1) {
    const index = queue[next] ?? 0;
    for (const { to } of after[index] ?? []) {
      column[to] = Math.max(column[to] ?? 0, (column[index] ?? 0) + 1);
      open[to] = (open[to] ?? 0) - 1;
      if (open[to] === 0) queue.push(to);
    }
  }
  return column;
}

/** Each item near the middle of those that it is joined to, to and fro (Sugiyama's barycentres). */
function order(columns: number[][], items: readonly Item[]): void {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 0;
    const place = new Map<number, number>();
    const note = (members: readonly number[]): void => {
      for (const [at, member] of members.entries()) place.set(member, at / Math.max(1, members.length - 1));
    };
    for (const members of forwards ? columns : columns.toReversed()) {
      const wanted = new Map(
        members.map((member, at): [number, number] => {
          const joined = forwards ? items[member]?.before : items[member]?.after;
          const own = at / Math.max(1, members.length - 1);
          return [member, joined === undefined || joined.length === 0 ? own : average(joined.map((each) => place.get(each) ?? own))];
        }),
      );
      members.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      note(members);
    }
  }
}

/** Upper edges: in the order of the column, without overlaps, near the middle of what each is joined to. */
function heights(columns: readonly (readonly number[])[], items: readonly Item[], gap: number): readonly number[] {
  const middle = new Array<number>(items.length).fill(0);
  const half = (item: number) => (items[item]?.height ?? 0) / 2;
  const pack = (members: readonly number[], wanted: readonly number[]): void => {
    let floor = Number.NEGATIVE_INFINITY;
    let drift = 0;
    for (const [at, member] of members.entries()) {
      const y = Math.max(wanted[at] ?? 0, floor + half(member));
      middle[member] = y;
      drift += y - (wanted[at] ?? 0);
      floor = y + half(member) + gap;
    }
    // As much above as below what was wanted.
    const shift = members.length === 0 ? 0 : drift / members.length;
    for (const member of members) middle[member] = (middle[member] ?? 0) - shift;
  };
  for (const members of columns)
    pack(
      members,
      members.map(() => 0),
    );
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 1;
    for (const members of forwards ? columns : columns.toReversed()) {
      const joined = (member: number) => (forwards ? items[member]?.before : items[member]?.after) ?? [];
      pack(
        members,
        members.map((member) =>
          joined(member).length === 0 ? (middle[member] ?? 0) : average(joined(member).map((each) => middle[each] ?? 0)),
        ),
      );
    }
  }
  const top = middle.reduce((least, y, item) => Math.min(least, y - half(item)), Number.POSITIVE_INFINITY);
  return middle.map((y, item) => y - half(item) - top);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
