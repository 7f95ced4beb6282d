// The bus over a real nats-server passes the contract suite.
import { busContract, startNats } from "@triplane/testkit";

busContract("NATS", () => startNats({ identities: [{ role: "operator", principal: "alice" }] }));
