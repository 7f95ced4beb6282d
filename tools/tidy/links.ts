// Rules about documents: every relative link leads to a file, every anchor to a heading.
import { posix } from "node:path";
import { linesOf, type Problem, type Repository } from "./repository.ts";

const LINK = /\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;

export function linksResolve(repository: Repository): Problem[] {
  const paths = new Set(repository.paths);
  const folders = new Set(repository.paths.flatMap(parents));
  const problems: Problem[] = [];
  for (const path of repository.paths.filter((each) => each.endsWith(".md"))) {
    for (const { line, target } of linksOf(repository.text(path) ?? "")) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const to = file === "" ? path : posix.normalize(posix.join(posix.dirname(path), decodeURI(file))).replace(/\/$/, "");
      if (!paths.has(to) && !folders.has(to)) problems.push({ path, line, what: `${target} leads nowhere` });
      else if (anchor !== undefined && to.endsWith(".md") && !anchorsOf(repository.text(to) ?? "").has(anchor)) {
        problems.push({ path, line, what: `${target}: ${to} has no such heading` });
      }
    }
  }
  return problems;
}

function* linksOf(text: string): Generator<{ readonly line: number; readonly target: string }> {
  for (const [line, content] of proseOf(text)) {
    for (const match of content.replaceAll(/`[^`]*`/g, "").matchAll(LINK)) yield { line, target: match[1] ?? "" };
  }
}

/** Headings as GitHub names them, with a number from the second of the same name on. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const [, content] of proseOf(text)) {
    for (const match of content.matchAll(/<a (?:id|name)="([^"]+)">/g)) anchors.add(match[1] ?? "");
    const heading = /^#{1,6} (.+)$/.exec(content)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

/** Everything outside fenced code. */
function* proseOf(text: string): Generator<readonly [number, string]> {
  let fenced = false;
  for (const [line, content] of linesOf(text)) {
    if (/^\s*(```|~~~)/.test(content)) fenced = !fenced;
    else if (!fenced) yield [line, content];
  }
}

function parents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
