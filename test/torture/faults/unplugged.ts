// The wire of the signing plane is pulled out: its packets are gone, and neither side is told.
import { whyNoNamespaces } from "../net/namespace.ts";
import { type Fault, holding } from "./fault.ts";

export const unplugged: Fault = {
  name: "unplugged",
  about: "the keeper's network namespace loses its wire: packets vanish, nobody is told",
  holdMs: [3_000, 25_000],
  times: 2,
  needs: whyNoNamespaces,
  inflict: async (arena) =>
    await holding(arena, ["the wire of the signing plane"], async () => {
      await arena.signing.unplug();
      return { what: "pulled the signing plane's wire", undo: () => arena.signing.plug() };
    }),
};
