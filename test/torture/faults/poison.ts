// Messages that are no ops, decisions or records: rubbish, half tokens, tokens of unknown keys, and too much of anything.
import type { Bus } from "@triplane/bus";
import { digestOf, type Random, subjects, TriplaneError } from "@triplane/contract";
import { buildAdmission, buildAuditRecord, buildOp } from "@triplane/testkit";
import type { Arena } from "../arena.ts";
import { below, pick } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";
import { onBus, PLACES, type Place } from "./on-bus.ts";

/** What a message may have there: of the stream, see streamSettings. */
const LIMIT_BYTES: Readonly<Record<Place, number>> = { pending: 32 * 1024, cmd: 128 * 1024, audit: 128 * 1024 };

export const poison: Fault = {
  name: "poison",
  about: "a message that nobody signed, that is cut off, or that a key signed which no policy knows",
  holdMs: [0, 0],
  needs: anywhere,
  inflict: async (arena, random) => {
    const place = pick(random, PLACES);
    return await holding(arena, [`poison on ${place}`], async () => {
      const text = poisonFor(random);
      const published = await onBus(arena, place, (bus) => publish(arena, bus, place, text));
      if (published) arena.tally.add("poison messages");
      return { what: `${published ? "published" : "could not publish"} poison on ${place} (${text.length} bytes)` };
    });
  },
};

export const oversized: Fault = {
  name: "oversized",
  about: "a message just below the limit of its stream, and one above, which must not get in",
  holdMs: [0, 0],
  needs: anywhere,
  inflict: async (arena, random) => {
    const place = pick(random, PLACES);
    return await holding(arena, [`poison on ${place}`], async () => {
      const mark = `${below(random, 2 ** 32)} `;
      const below64 = mark.padEnd(LIMIT_BYTES[place] - 1024, "x");
      const above = mark.padEnd(LIMIT_BYTES[place] + 1024, "y");
      const published = await onBus(arena, place, (bus) => publish(arena, bus, place, below64));
      const refused = await onBus(arena, place, async (bus) => {
        try {
          await publish(arena, bus, place, above);
        } catch (error) {
          if (error instanceof TriplaneError && error.code === "token_too_large") return;
          throw error;
        }
        throw new Error(`${above.length} bytes got into ${place}`);
      });
      arena.tally.add("oversized messages", Number(published) + Number(refused));
      return { what: `published ${below64.length} bytes on ${place}; ${above.length} were ${refused ? "refused" : "not tried"}` };
    });
  },
};

async function publish(arena: Arena, bus: Bus, place: Place, text: string): Promise<void> {
  arena.garbage.add(digestOf(text));
  await bus.publish(subjects(arena.world.workspace.workspace)[place], text);
}

function poisonFor(random: Random): string {
  const kinds = [
    () => `rubbish ${below(random, 2 ** 32)}`,
    () => `{"op":"component.deploy","nested":${"[".repeat(200)}${below(random, 2 ** 32)}`,
    () => "\u0000".repeat(1 + below(random, 4000)),
    () => strange().op.compact,
    () => strange().admission.compact,
    () => buildAuditRecord(strange().op.op, strange().admission).compact,
    () => strange().op.compact.slice(0, 100 + below(random, 200)),
  ];
  return pick(random, kinds)();
}

function strange() {
  const op = buildOp({ target: "web-f1" }, { workspace: "libre-wuji" });
  return { op, admission: buildAdmission(op.op) };
}
