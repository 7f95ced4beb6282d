// A child process of tests: asks JetStream's raw API one thing after another, as somebody with the broker's credentials would.
// Standard input is JSON: url, nkeySeed, inboxPrefix, asks (pairs of subject and body); standard output the answers.
import { text } from "node:stream/consumers";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

const { url, nkeySeed, inboxPrefix, asks } = JSON.parse(await text(process.stdin)) as {
  readonly url: string;
  readonly nkeySeed: string;
  readonly inboxPrefix: string;
  readonly asks: readonly (readonly [string, object])[];
};
const authenticator = nkeyAuthenticator(new TextEncoder().encode(nkeySeed.trim()));
const connection = await connect({ servers: url, authenticator, inboxPrefix });
const answers: unknown[] = [];
for (const [subject, body] of asks) {
  const answer = JSON.parse((await connection.request(`$JS.API.${subject}`, JSON.stringify(body))).string()) as {
    readonly error?: unknown;
  };
  if (answer.error !== undefined) throw new Error(`${subject}: ${JSON.stringify(answer.error)}`);
  answers.push(answer);
}
await connection.close();
console.log(JSON.stringify(answers));
