// Reads the orchestrator's server-sent events (HTML standard, section 9.2) up to one that is waited for.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";

const eventSchema = z.looseObject({ type: z.string(), target: z.string(), data: z.record(z.string(), z.unknown()) });
export type SeenEvent = z.infer<typeof eventSchema>;

/** Closes the stream when `isLast` says so. Throws `unavailable` if the stream ends before. */
export async function readEvents(response: Response, isLast: (event: SeenEvent) => boolean): Promise<readonly SeenEvent[]> {
  const seen: SeenEvent[] = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event === undefined) continue;
      seen.push(event);
      if (isLast(event)) return seen;
    }
  }
  throw new TriplaneError("unavailable", `the orchestrator's events ended after ${seen.length}, before the one that was waited for`);
}

function parseEvent(block: string): SeenEvent | undefined {
  const field = (name: string): string | undefined =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const [type, data] = [field("event"), field("data")];
  if (type === undefined || data === undefined) return undefined;
  const parsed = eventSchema.safeParse({ ...JSON.parse(data), type });
  return parsed.success ? parsed.data : undefined;
}
