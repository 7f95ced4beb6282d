// triplane governance fetch and push: signed refs to and from other machines.
import { toTriplaneError } from "@triplane/contract";
import { type Fetched, fetchRepository, pushRepository, type RepositoryName } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { counted } from "../../framework/table.ts";
import { shortDid } from "./render.ts";
import { openSigningSite, openSite, remotesFor, signingOptions } from "./site.ts";

const remoteFlag = text("NAME", "A remote of this home by its name, or an address (default: all of the home's)").optional();

export const governanceFetch = defineCommand({
  description:
    "Takes in what others signed, each namespace only where it continues what was seen before. No remote moves your own refs, and nobody's go back. Exit code 1 if somebody's refs were refused, or a remote could not be reached.",
  args: z.strictObject({}),
  options: z.strictObject({ remote: remoteFlag, ...signingOptions }),
  examples: [{ command: "triplane governance fetch", what: "from every remote" }],
  run: async ({ options }, context) => {
    const open = await openSite(options.home, context);
    const own = open.kind === "reader" ? undefined : (await openSigningSite(options, context)).key.did;
    const results: (Fetched | Failed)[] = [];
    for (const remote of remotesFor(open.site, options.remote)) {
      for (const name of ["policy", "desired", "state"] as const) {
        // The ledger of a local workspace is written here; nobody else's copy of it comes in.
        if (open.kind === "local" && name === "state") continue;
        results.push(
          await fetchRepository(open.site, name, remote, { own, ...context }).catch((thrown) => failedAt(remote.name, name, thrown)),
        );
      }
    }
    return { results: results.map(flat) };
  },
  render: ({ results }) => results.map(renderFetched).join("\n"),
  failed: ({ results }) => results.some((each) => "problem" in each || each.taken.some(({ result }) => result === "refused")),
});

interface Failed {
  readonly remote: string;
  readonly repository: RepositoryName;
  readonly problem: { readonly code: string; readonly message: string };
}

function failedAt(remote: string, repository: RepositoryName, thrown: unknown): Failed {
  const { code, message } = toTriplaneError(thrown);
  return { remote, repository, problem: { code, message } };
}

function flat(result: Fetched | Failed) {
  if ("problem" in result) return result;
  const taken = result.taken.map(({ did, result: what, failure }) => ({
    did,
    result: what,
    ...(failure === undefined ? {} : { code: failure.code, message: failure.message }),
  }));
  return { ...result, taken };
}

function renderFetched(result: ReturnType<typeof flat>): string {
  const at = `${result.remote}  ${result.repository}  `;
  if ("problem" in result) return `${at}FAILED: ${result.problem.message} (${result.problem.code})`;
  const news = result.taken.filter((each) => each.result === "new" || each.result === "moved");
  const refused = result.taken.filter((each) => each.result === "refused");
  const said = news.length === 0 ? "nothing new" : `new from ${news.map(({ did }) => shortDid(did)).join(", ")}`;
  return [`${at}${said}`, ...refused.map((each) => `  REFUSED ${each.did}: ${each.message ?? ""} (${each.code ?? ""})`)].join("\n");
}

export const governancePush = defineCommand({
  description:
    "Sends what you signed, and nothing else, to the remotes. Refused where a remote has newer refs of yours than this machine knows.",
  args: z.strictObject({}),
  options: z.strictObject({ remote: remoteFlag, ...signingOptions }),
  examples: [
    { command: "triplane governance push", what: "to every remote" },
    { command: "triplane governance push --remote /srv/acme --as ana", what: "from a local workspace" },
  ],
  run: async ({ options }, context) => {
    const { site, key } = await openSigningSite(options, context);
    const pushed: { readonly remote: string; readonly repository: RepositoryName; readonly sent: boolean }[] = [];
    for (const remote of remotesFor(site, options.remote))
      for (const repository of ["policy", "desired"] as const)
        pushed.push({ remote: remote.name, repository, sent: await pushRepository(site, repository, remote, key.did, context) });
    return { pushed };
  },
  render: ({ pushed }) =>
    pushed.map(({ remote, repository, sent }) => `${remote}  ${repository}  ${sent ? "sent" : "has it already"}`).join("\n") ||
    counted(0, "remote"),
});
