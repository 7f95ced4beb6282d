// triplane mcp: the workspace for an AI agent, over the Model Context Protocol.
import { toTriplaneError } from "@triplane/contract";
import { type Desk, serveHttp, serveStdio } from "@triplane/mcp";
import { z } from "zod";
import { openAgent } from "../agents/agent.ts";
import { deskOf } from "../agents/desk.ts";
import { serverToken } from "../agents/token.ts";
import { type CommandContext, defineCommand } from "../framework/command.ts";
import { integer, text } from "../framework/parameters.ts";
import { PRODUCT_ROOT } from "../home/layout.ts";
import { openOntoref } from "../ontoref/open.ts";
import { type Person, withSubmitter } from "../people/person.ts";
import { homeOption, openHome } from "./home-option.ts";

export const mcp = defineCommand({
  description:
    "Serves until its client goes away, or until it is told to stop. The agent acts under its own key, within the grant that the approved policy gives it: what it submits is decided like every op, and it can approve nothing. No person's key is opened.\n\nWithout --http it speaks on standard input and output, for a client that starts it. With --http it listens on loopback only; a client needs the token in the file that is named at the start.",
  args: z.strictObject({}),
  options: z.strictObject({
    as: text("AGENT", "The agent who acts (default: the workspace's only agent)").optional(),
    http: integer("PORT", "Serve streamable HTTP on this port of the loopback interface (0: any free one)", {
      min: 0,
      max: 65_535,
    }).optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane mcp --as scout", what: "for a client that starts it, over standard input and output" },
    { command: "triplane mcp --as scout --http 7345", what: "for clients that connect, with the token of the file that it names" },
  ],
  json: false,
  run: async ({ options }, context) => {
    const place = { ...(await openHome(options.home, context)), clock: context.clock, random: context.random };
    const person = await openAgent(options.as, place, { env: context.env });
    const { modes, runs } = await openOntoref({ provisioningRoot: PRODUCT_ROOT, home: place.layout.root }, context);
    const desk = deskOf({ person, modes, runs, context });
    await sendWhatIsLeft(person, context);
    if (options.http === undefined) await overStdio(desk, context);
    else await overHttp(desk, person, options.http, context);
  },
  render: () => "",
});

async function overStdio(desk: Desk, context: CommandContext): Promise<void> {
  context.progress(`${desk.agent} of ${desk.workspace}, on standard input and output`);
  const { stdin: input, stdout: output } = process;
  await serveStdio({ desk, log: context.progress, input, output, signal: context.signal });
  input.destroy();
}

async function overHttp(desk: Desk, person: Person, port: number, context: CommandContext): Promise<void> {
  const { clock, random, signal, progress } = context;
  const { file, token } = await serverToken(person.layout, desk.agent, random);
  const serving = await serveHttp({ desk, log: progress, port, token, clock, random });
  progress(`${desk.agent} of ${desk.workspace}, on ${serving.url}\ntoken in ${file}`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await serving.close();
}

/** What a server that died had signed and not sent goes out now, as `triplane op resend` would do; its client may ask for it. */
async function sendWhatIsLeft(person: Person, { progress }: CommandContext): Promise<void> {
  if ((await person.outbox.pending()).length === 0) return;
  try {
    const { sent } = await withSubmitter(person, (submitter) => submitter.resendAll());
    if (sent.length > 0) progress(`sent again, as they have no outcome: ${sent.map(({ entry }) => entry.jti).join(", ")}`);
  } catch (thrown) {
    progress(`what has no outcome could not be sent again: ${toTriplaneError(thrown).message}`);
  }
}
