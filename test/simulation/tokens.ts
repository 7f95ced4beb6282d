// What a signed object says, read once for each text. Not verified: what is read here was verified by the product or made by the simulation.

const payloads = new Map<string, Readonly<Record<string, unknown>>>();
const MAX_KEPT = 20_000;

export function payloadOf(compact: string): Readonly<Record<string, unknown>> {
  const known = payloads.get(compact);
  if (known !== undefined) return known;
  let payload: Readonly<Record<string, unknown>> = {};
  try {
    const value: unknown = JSON.parse(Buffer.from(compact.split(".")[1] ?? "", "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null) payload = { ...value };
  } catch {
    // Not a token: it says nothing.
  }
  if (payloads.size >= MAX_KEPT) payloads.clear();
  payloads.set(compact, payload);
  return payload;
}

export function textOf(payload: Readonly<Record<string, unknown>>, member: string): string {
  const value = payload[member];
  return typeof value === "string" ? value : "";
}
