// Old messages come again, in another order: what a stolen credential can do, or a broker that forgot.
import { subjects, verifyAuditRecord } from "@triplane/contract";
import type { OutboxOp } from "@triplane/submitter";
import type { Arena } from "../arena.ts";
import { between, pick, sample } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";
import { onBus, PLACES, type Place } from "./on-bus.ts";

export const copies: Fault = {
  name: "copies",
  about: "old ops, decisions or records are published again, shuffled",
  holdMs: [0, 0],
  times: 2,
  needs: anywhere,
  inflict: async (arena, random) => {
    const place = pick(random, PLACES);
    return await holding(arena, [`copies on ${place}`], async () => {
      // The outboxes' disk may be without power at the moment.
      const known = await textsFor(arena, place).catch(() => []);
      const texts = sample(random, known, between(random, 3, 25));
      let published = 0;
      // Where the bus goes away meanwhile, it is fewer copies this time.
      await onBus(arena, place, async (bus) => {
        for (const text of texts) {
          await bus.publish(subjects(arena.world.workspace.workspace)[place], text);
          published += 1;
        }
      });
      arena.tally.add("copies published", published);
      return { what: `published ${published} copies on ${place}` };
    });
  },
};

/** What went over that subject before, as far as the outboxes know it. */
async function textsFor(arena: Arena, place: Place): Promise<readonly string[]> {
  const issuers = ["ana", "ben", "cleo", "scout", "ci"];
  const ended: OutboxOp[] = [];
  for (const issuer of issuers) {
    const all = await (await arena.world.person(issuer)).outbox.list();
    ended.push(...all.filter(({ entry }) => entry.outcome !== undefined));
  }
  return ended.flatMap(({ entry }) => {
    if (place === "pending") return [entry.op];
    const record = entry.outcome?.record ?? "";
    return [place === "audit" ? record : verifyAuditRecord(record).claims.decision];
  });
}
