// Labels and label selectors, as the API's documentation defines them.

/** At most 63 characters, alphanumeric at both ends. */
const NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/;
const PREFIX = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const MAX_PREFIX = 253;
const MAX_LABELS = 64;

export type Labels = Readonly<Record<string, string>>;

export function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash === -1) return NAME.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= MAX_PREFIX && PREFIX.test(prefix) && NAME.test(key.slice(slash + 1));
}

export function isLabelValue(value: string): boolean {
  return value === "" || NAME.test(value);
}

/** What is wrong with them, or undefined. */
export function labelsProblem(labels: Labels): string | undefined {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) return `more than ${MAX_LABELS} labels`;
  for (const [key, value] of entries) {
    if (!isLabelKey(key)) return `label key '${key}' is not correctly formatted`;
    if (key.startsWith("hetzner.cloud/")) return `label key '${key}' has a reserved prefix`;
    if (!isLabelValue(value)) return `label value '${value}' (key: '${key}') is not correctly formatted`;
  }
  return undefined;
}

export type Requirement =
  | { readonly key: string; readonly op: "exists" | "absent" }
  | { readonly key: string; readonly op: "in" | "not-in"; readonly values: readonly string[] };

/** The requirements of a selector, all of which have to be met; undefined where it is none. `k=v` is `in` with one value. */
export function parseSelector(text: string): readonly Requirement[] | undefined {
  const requirements: Requirement[] = [];
  for (const part of splitOutsideParentheses(text)) {
    const requirement = parseRequirement(part.trim());
    if (requirement === undefined) return undefined;
    requirements.push(requirement);
  }
  return requirements;
}

export function matches(requirements: readonly Requirement[], labels: Labels): boolean {
  return requirements.every((requirement) =>
    isMet(requirement, Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined),
  );
}

function isMet(requirement: Requirement, value: string | undefined): boolean {
  switch (requirement.op) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && requirement.values.includes(value);
    case "not-in":
      return value === undefined || !requirement.values.includes(value);
  }
}

/** The selector that parses to these requirements. */
export function renderSelector(requirements: readonly Requirement[]): string {
  return requirements.map(renderRequirement).join(",");
}

function renderRequirement(requirement: Requirement): string {
  switch (requirement.op) {
    case "exists":
      return requirement.key;
    case "absent":
      return `!${requirement.key}`;
    case "in":
      return `${requirement.key} in (${requirement.values.join(",")})`;
    case "not-in":
      return `${requirement.key} notin (${requirement.values.join(",")})`;
  }
}

function parseRequirement(text: string): Requirement | undefined {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = "", word, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return isLabelKey(key) && values.every(isLabelValue) ? { key, op: word === "in" ? "in" : "not-in", values } : undefined;
  }
  const equal = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(text);
  if (equal !== null) {
    const [, key = "", operator, value = ""] = equal;
    return isLabelKey(key) && isLabelValue(value) ? { key, op: operator === "!=" ? "not-in" : "in", values: [value] } : undefined;
  }
  const absent = text.startsWith("!");
  const key = absent ? text.slice(1).trim() : text;
  return isLabelKey(key) ? { key, op: absent ? "absent" : "exists" } : undefined;
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    else if (text[at] === "," && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}
