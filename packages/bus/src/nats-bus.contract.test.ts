// The bus over a real nats-server passes the contract suite.
import { busContract, startNats } from "@triplane/testkit";

busContract("NATS", async () => {
  const nats = await startNats({
    identities: [
      { role: "operator", principal: "alice" },
      { role: "approver", principal: "ben" },
    ],
  });
  return {
    ...nats,
    restart: async () => {
      await nats.kill();
      await nats.restart();
    },
  };
});
