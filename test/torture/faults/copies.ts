// Old messages come again, in another order: what a stolen credential can do, or a broker that forgot.
import { connectAs } from "@triplane/cli";
import { subjects, verifyAuditRecord } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import type { OutboxOp } from "@triplane/submitter";
import type { Arena } from "../arena.ts";
import { between, pick, sample } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

const PLACES = ["pending", "cmd", "audit"] as const;
type Place = (typeof PLACES)[number];

export const copies: Fault = {
  name: "copies",
  about: "old ops, decisions or records are published again, shuffled",
  holdMs: [0, 0],
  times: 2,
  needs: anywhere,
  inflict: async (arena, random) => {
    const place = pick(random, PLACES);
    return await holding(arena, [`copies on ${place}`], async () => {
      const texts = sample(random, await textsFor(arena, place), between(random, 3, 25));
      let published = 0;
      const bus = await connectAs(credentialFor(place), arena.world.layout, arena.world.workspace, {
        clock: systemClock,
        random: systemRandom,
      });
      try {
        for (const text of texts) {
          await bus.publish(subjects(arena.world.workspace.workspace)[place], text);
          published += 1;
        }
      } catch {
        // The bus is away as well: fewer copies this time.
      } finally {
        await bus.close();
      }
      arena.tally.add("copies published", published);
      return { what: `published ${published} copies on ${place}` };
    });
  },
};

function credentialFor(place: Place) {
  if (place === "pending") return { role: "approver", principal: "ana" } as const;
  return { role: place === "cmd" ? "keeper" : "controller" } as const;
}

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
