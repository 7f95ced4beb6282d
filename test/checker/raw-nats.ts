// JetStream by its raw API with the provisioner's identity, as somebody with the broker's credentials would.

import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import type { Sources } from "@triplane/checker";

export interface RawNats extends AsyncDisposable {
  ask(subject: string, body: object): Promise<Record<string, unknown>>;
}

export async function rawNats(sources: Sources): Promise<RawNats> {
  const { nats } = sources;
  if (nats === undefined) throw new Error("the workspace has no NATS");
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(nats.nkeySeed.trim()));
  const connection = await connect({ servers: nats.url, authenticator, inboxPrefix: nats.inboxPrefix });
  return {
    ask: async (subject, body) => {
      const answer = JSON.parse((await connection.request(`$JS.API.${subject}`, JSON.stringify(body))).string()) as Record<string, unknown>;
      if (answer["error"] !== undefined) throw new Error(`${subject}: ${JSON.stringify(answer["error"])}`);
      return answer;
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
