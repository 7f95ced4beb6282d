// Plain text for people: tables, lists of facts, times.

/** Columns padded to their widest cell; no borders, so that it stays easy to read aloud and to cut. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) => Math.max(width(heading), ...rows.map((row) => width(row[column] ?? ""))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join("  ")
      .trimEnd();
  return [line(headings), line(widths.map((columns) => "─".repeat(columns))), ...rows.map(line)].join("\n");
}

/** `name  value` lines with the values aligned; undefined values are left out. */
export function facts(pairs: readonly (readonly [string, string | number | undefined])[]): string {
  const shown = pairs.filter((pair): pair is readonly [string, string | number] => pair[1] !== undefined);
  const widest = Math.max(0, ...shown.map(([name]) => width(name)));
  return shown.map(([name, value]) => `${name}${" ".repeat(widest - width(name))}  ${indentRest(String(value), widest + 2)}`).join("\n");
}

/** Seconds since 1970 as `2026-03-01 09:30:00 UTC`. */
export function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A length of time in its two largest units. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** `1 record`, `2 records`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function indentRest(value: string, columns: number): string {
  return value.replaceAll("\n", `\n${" ".repeat(columns)}`);
}

// Every symbol that we print is one column wide; surrogate pairs count once.
function width(text: string): number {
  return [...text].length;
}
