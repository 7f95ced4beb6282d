// A mode as SVG: it stands on a background of its own, light or dark as the reader has it, and says what its lines mean.
import type { Mode, Step } from "../modes/schema.ts";
import { layOut } from "./layout.ts";
import { LINE_KINDS, LINE_WORDS, type LineKind, linesOf } from "./lines.ts";

const MARGIN = 24;
const HEADER = 34;
const BOX_HEIGHT = 50;
const PADDING = 14;
const TITLE_CHAR = 8.2;
const SMALL_CHAR = 6.7;
const CHIP_GAP = 18;
const COLUMN_GAP = 96;
const ROW_GAP = 18;
const LEGEND_ROW = 22;
const MAX_CHARS = 44;

/** Text that is wider than this is cut with an ellipsis; the whole is in the box's tooltip. */
export function drawSvg(mode: Mode): string {
  const lines = linesOf(mode);
  const boxes = mode.steps.map((step) => ({ width: boxWidth(step), height: BOX_HEIGHT }));
  const layout = layOut(boxes, lines, { columnGap: COLUMN_GAP, rowGap: ROW_GAP });
  const kinds = LINE_KINDS.filter((kind) => lines.some((line) => line.kind === kind));
  const legend = kinds.length === 0 ? 0 : 14 + kinds.length * LEGEND_ROW;
  const width = Math.ceil(Math.max(layout.width, mode.id.length * 10, kinds.length === 0 ? 0 : 300) + 2 * MARGIN);
  const height = Math.ceil(HEADER + layout.height + legend + 2 * MARGIN);
  const paths = layout.ways.map((way, index) => {
    const kind = lines[index]?.kind ?? "Always";
    return `<path class="line ${kind}" marker-end="url(#end-${kind})" d="${curve(way)}"/>`;
  });
  const drawn = mode.steps.map((step, index) => box(step, layout.places[index] ?? { x: 0, y: 0 }, boxes[index]?.width ?? 0));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${xml(`Steps of the mode ${mode.id}`)}">`,
    `<style>${STYLE}</style>`,
    `<defs>${kinds.map(marker).join("")}</defs>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="name" x="${MARGIN}" y="${MARGIN + 12}">${xml(mode.id)}</text>`,
    `<g transform="translate(${MARGIN} ${MARGIN + HEADER})">`,
    ...paths,
    ...drawn,
    "</g>",
    ...kinds.map((kind, index) => legendRow(kind, MARGIN, HEADER + layout.height + MARGIN + 28 + index * LEGEND_ROW)),
    "</svg>",
  ].join("\n");
}

function box(step: Step, { x, y }: { readonly x: number; readonly y: number }, width: number): string {
  const tip = [step.id, step.action, step.note, step.cmd].filter((part) => part !== undefined).join("\n");
  return [
    `<g transform="translate(${round(x)} ${round(y)})"><title>${xml(tip)}</title>`,
    `<rect class="box" width="${round(width)}" height="${BOX_HEIGHT}" rx="8"/>`,
    `<text class="title" x="${PADDING}" y="21">${xml(cut(step.id))}</text>`,
    `<text class="small" x="${PADDING}" y="39">${xml(cut(step.action))}</text>`,
    `<text class="actor ${step.actor}" x="${round(width - PADDING)}" y="21">${step.actor.toLowerCase()}</text>`,
    ...(step.cmd === undefined ? [`<text class="small" text-anchor="end" x="${round(width - PADDING)}" y="39">by hand</text>`] : []),
    "</g>",
  ].join("");
}

function boxWidth(step: Step): number {
  const first = cut(step.id).length * TITLE_CHAR + CHIP_GAP + step.actor.length * SMALL_CHAR;
  const second = cut(step.action).length * SMALL_CHAR + (step.cmd === undefined ? CHIP_GAP + 7 * SMALL_CHAR : 0);
  return Math.ceil(Math.max(first, second)) + 2 * PADDING;
}

/** From left to right, leaving and arriving level. */
function curve(way: readonly { readonly x: number; readonly y: number }[]): string {
  const [first = { x: 0, y: 0 }, ...rest] = way;
  let before = first;
  const parts = [`M${round(first.x)} ${round(first.y)}`];
  for (const point of rest) {
    const bend = (point.x - before.x) / 2;
    parts.push(
      before.y === point.y
        ? `L${round(point.x)} ${round(point.y)}`
        : `C${round(before.x + bend)} ${round(before.y)} ${round(point.x - bend)} ${round(point.y)} ${round(point.x)} ${round(point.y)}`,
    );
    before = point;
  }
  return parts.join(" ");
}

function marker(kind: LineKind): string {
  return `<marker id="end-${kind}" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="end ${kind}" d="M0 0 L10 5 L0 10 z"/></marker>`;
}

function legendRow(kind: LineKind, x: number, y: number): string {
  return `<path class="line ${kind}" marker-end="url(#end-${kind})" d="M${x} ${round(y - 4)} L${x + 46} ${round(y - 4)}"/><text class="small" x="${x + 58}" y="${round(y)}">${kind}: ${LINE_WORDS[kind]}</text>`;
}

function cut(text: string): string {
  const chars = [...text];
  return chars.length <= MAX_CHARS ? text : `${chars.slice(0, MAX_CHARS - 1).join("")}…`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Control characters that XML does not take. */
const CONTROL = /[^\P{Cc}\t\n\r]/gu;

function xml(text: string): string {
  return text
    .replaceAll(CONTROL, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

interface Colours {
  readonly paper: string;
  readonly text: string;
  readonly soft: string;
  readonly box: string;
  readonly rim: string;
  readonly lines: Readonly<Record<LineKind, string>>;
  readonly actors: Readonly<Record<Step["actor"], string>>;
}

const LIGHT: Colours = {
  ...{ paper: "#ffffff", text: "#1b1f24", soft: "#57606a", box: "#f6f8fa", rim: "#8c959f" },
  lines: { Always: "#6e7781", OnSuccess: "#1a7f37", OnFailure: "#cf222e", Fallback: "#9a6700" },
  actors: { Agent: "#8250df", Human: "#0969da", Ci: "#116329", Any: "#57606a" },
};
const DARK: Colours = {
  ...{ paper: "#0d1117", text: "#e6edf3", soft: "#9da7b3", box: "#161b22", rim: "#6e7681" },
  lines: { Always: "#8b949e", OnSuccess: "#3fb950", OnFailure: "#f85149", Fallback: "#d29922" },
  actors: { Agent: "#d2a8ff", Human: "#79c0ff", Ci: "#7ee787", Any: "#9da7b3" },
};

function rules({ paper, text, soft, box, rim, lines, actors }: Colours): string {
  return [
    `.paper{fill:${paper}}.name,.title{fill:${text}}.small{fill:${soft}}.box{fill:${box};stroke:${rim}}`,
    ...Object.entries(lines).map(([kind, colour]) => `.line.${kind}{stroke:${colour}}.end.${kind}{fill:${colour}}`),
    ...Object.entries(actors).map(([actor, colour]) => `.actor.${actor}{fill:${colour}}`),
  ].join("");
}

const FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";
const STYLE = [
  `text{font-family:${FONT}}.name{font-size:16px;font-weight:600}.title{font-size:13px;font-weight:600}`,
  ".small{font-size:11px}.actor{font-size:11px;text-anchor:end}.box{stroke-width:1}.line{fill:none}",
  // Kinds differ in width and dashes too: colour alone does not reach everybody.
  ".line.Always{stroke-width:1.2}.line.OnSuccess{stroke-width:2.4}.line.OnFailure{stroke-width:2;stroke-dasharray:8 4}",
  ".line.Fallback{stroke-width:2;stroke-dasharray:2 4}",
  rules(LIGHT),
  `@media (prefers-color-scheme:dark){${rules(DARK)}}`,
].join("");
