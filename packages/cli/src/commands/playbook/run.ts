// triplane playbook run: run a procedure, dry or for real, and leave a receipt.
import { join } from "node:path";
import { nowSeconds, TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, sleep } from "@triplane/kit";
import { type LoadedPlaybook, modeIdOf, type RunView, resolveParameters } from "@triplane/reflection";
import { assertNoSecrets } from "@triplane/submitter";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { duration, flag, list, text } from "../../framework/parameters.ts";
import { readWorkspaceFile, type WorkspaceFile } from "../../home/workspace-file.ts";
import { actorSaid, parametersOf } from "../../ontoref/open.ts";
import { policyInForce } from "../../people/policy.ts";
import { actorFor, asOption, keyOption } from "../../people/who.ts";
import { type Commands, openCommands } from "../../playbooks/commands.ts";
import { type Counted, countConfirmations } from "../../playbooks/confirmations.ts";
import { openPlace, PLAYBOOK_SHAPE, type PlaybookPlace, withDryPlace } from "../../playbooks/place.ts";
import { makeReceipt, positionOf } from "../../playbooks/receipt.ts";
import { notYet, renderStep, reportSteps, type StepReport } from "../../playbooks/report.ts";
import { assertSameFiles, type PlaybookRequest, readConfirmations, readRequest, writeRequest } from "../../playbooks/requests.ts";
import { homeOption } from "../home-option.ts";

const POLL_MS = 1_000;

const options = z.strictObject({
  param: list("NAME=VALUE", "A parameter of the playbook"),
  dryRun: flag("Say what each step would do, and change nothing"),
  run: text("RUN", "Go on with a run that waited for confirmations, or was cut off").optional(),
  wait: duration("Wait this long for confirmations instead of ending").optional(),
  as: asOption,
  key: keyOption,
  home: homeOption,
  ...PLAYBOOK_SHAPE,
});
type Options = z.output<typeof options>;

interface Ran {
  readonly playbook: string;
  readonly run: string | undefined;
  readonly dryRun: boolean;
  readonly state: RunView["state"] | "waiting";
  readonly parameters: Readonly<Record<string, string>>;
  readonly steps: readonly StepReport[];
  /** What stops it, as a dry run found. */
  readonly notYet: readonly { readonly step: string; readonly what: string }[];
  readonly confirmations?: { readonly people: readonly string[]; readonly needed: number; readonly groups: readonly string[] };
  readonly receipt?: string;
}

export const playbookRun = defineCommand({
  description:
    "Steps run one after another as the playbook says; each leaves times, exit code and the digest of what it printed. With --dry-run every step only says what it would do, and what does not hold yet; nothing changes, and nothing is kept.\n\nWhere the playbook is destructive, the first call does a dry run, keeps the request, and ends with exit code 3: people read `triplane playbook show RUN` and sign with `triplane playbook confirm RUN`; the call with --run RUN goes on when enough have. At the end there is a receipt, signed by whoever ran it. Exit code 1 if a step failed.",
  args: z.strictObject({ name: text("NAME", "The playbook") }),
  options,
  examples: [
    { command: "triplane playbook run rotate_keys --param whose=keeper --dry-run", what: "what it would do" },
    { command: "triplane playbook run switch_to_operator_only --as ana", what: "people decide every op from here on" },
    { command: "triplane playbook run offboard_operator --param name=ben --as ana --wait 1h", what: "wait for the confirmations" },
  ],
  run: async ({ args, options: given }, context): Promise<Ran> => {
    if (given.dryRun) return await dryRun(args.name, given, context);
    const place = await openPlace(given, context);
    const loaded = await place.catalogue.load(args.name);
    const request = await requestFor(loaded, place, given, context);
    const confirmed = await confirmationsFor(loaded, request, place, given, context);
    if (confirmed !== undefined && confirmed.people.length < confirmed.needed)
      return await asked(loaded, request, confirmed, given, context);
    return await runNow(loaded, request, confirmed, place, given, context);
  },
  render: (ran) => [...ran.steps.map(renderStep), "", ...ending(ran)].join("\n"),
  failed: ({ state, dryRun: dry }) => state === "failed" || state === "cancelled" || (dry && state !== "passed"),
  undecided: ({ state }) => state === "waiting" || state === "open",
});

async function dryRun(name: string, given: Options, context: CommandContext): Promise<Ran> {
  if (given.run !== undefined) throw new TriplaneError("usage", "--dry-run begins a run of its own; leave --run out");
  return await withDryPlace(given, context, async (place) => {
    const loaded = await place.catalogue.load(name);
    const parameters = resolveParameters(loaded.playbook, parametersOf(given.param), { dryRun: true });
    return await rehearse(loaded, parameters, place, context);
  });
}

async function rehearse(
  loaded: LoadedPlaybook,
  parameters: Ran["parameters"],
  place: PlaybookPlace,
  context: CommandContext,
): Promise<Ran> {
  await using commands = await commandsFor(place, context);
  const view = await place.runs.exec(modeIdOf(loaded.name), {
    ...{ task: `dry run of ${loaded.name}`, actor: actorSaid(undefined, context) ?? "Human", parameters },
    environment: { ...place.environment, ...commands.environment, TRIPLANE_DRY_RUN: "1" },
    signal: context.signal,
  });
  const steps = reportSteps(view);
  return { playbook: loaded.name, run: undefined, dryRun: true, state: view.state, parameters, steps, notYet: notYet(steps) };
}

/** The request of --run, or a new one; its parameters are fixed from then on. */
async function requestFor(loaded: LoadedPlaybook, place: PlaybookPlace, given: Options, context: CommandContext): Promise<PlaybookRequest> {
  if (given.run !== undefined) {
    if (given.param.length > 0)
      throw new TriplaneError("usage", "a run keeps the parameters that it was asked for with; leave --param out");
    const request = await readRequest(place.requestsFolder, given.run);
    if (request.playbook !== loaded.name) throw new TriplaneError("usage", `run ${given.run} is one of ${request.playbook}`);
    assertSameFiles(request, loaded);
    return request;
  }
  const parameters = resolveParameters(loaded.playbook, parametersOf(given.param), { dryRun: false });
  assertNoSecrets({ ...parameters }, "parameters");
  const actor = actorSaid(undefined, context) ?? "Human";
  const { id } = await place.runs.start(modeIdOf(loaded.name), { task: loaded.playbook.description, actor, parameters });
  const by = given.as ?? context.env["TRIPLANE_AS"];
  const request: PlaybookRequest = {
    ...{ format: "triplane-playbook-request-1", run: id, playbook: loaded.name, digest: loaded.digest, parameters },
    ...(by === undefined ? {} : { by }),
    at: new Date(context.clock.nowMs()).toISOString(),
  };
  await writeRequest(place.requestsFolder, request);
  return request;
}

/** Who has confirmed; undefined where nobody has to. Waits where that was asked for. */
async function confirmationsFor(
  { playbook }: LoadedPlaybook,
  request: PlaybookRequest,
  place: PlaybookPlace,
  given: Options,
  context: CommandContext,
): Promise<Counted | undefined> {
  if (!playbook.destructive) return undefined;
  const workspace = await readWorkspaceFile(place.layout);
  const count = async (): Promise<Counted> => {
    const { policy } = await policyInForce(place.layout, workspace);
    const compacts = await readConfirmations(place.requestsFolder, request.run);
    return countConfirmations(compacts, { request, playbook, policy, workspace, nowS: nowSeconds(context.clock) });
  };
  let counted = await count();
  const deadlineMs = performance.now() + (given.wait ?? 0) * 1000;
  if (counted.people.length < counted.needed && given.wait !== undefined) context.progress(confirmHint(request.run, counted));
  while (counted.people.length < counted.needed && performance.now() < deadlineMs && !context.signal.aborted) {
    await sleep(POLL_MS, context.signal);
    counted = await count();
  }
  return counted;
}

/** People confirm what they can read: the first time, what it would do is found out and shown. */
async function asked(
  loaded: LoadedPlaybook,
  request: PlaybookRequest,
  { people, needed, groups }: Counted,
  given: Options,
  context: CommandContext,
): Promise<Ran> {
  const dry = await withDryPlace(given, context, (place) => rehearse(loaded, request.parameters, place, context));
  return { ...dry, dryRun: false, run: request.run, state: "waiting", confirmations: { people, needed, groups } };
}

async function runNow(
  loaded: LoadedPlaybook,
  request: PlaybookRequest,
  confirmed: Counted | undefined,
  place: PlaybookPlace,
  given: Options,
  context: CommandContext,
): Promise<Ran> {
  const { layout } = place;
  const found = await workspaceAt(place);
  const before = found === undefined ? undefined : await positionOf(layout, found);
  await using commands = await commandsFor(place, context);
  const view = await place.runs.exec(modeIdOf(loaded.name), {
    ...{ task: loaded.playbook.description, actor: actorSaid(undefined, context) ?? "Human", run: request.run },
    environment: { ...place.environment, ...commands.environment },
    signal: context.signal,
    onEvent: ({ step, what, state, text: words }) => {
      if (what === "output") for (const line of (words ?? "").split("\n")) if (line !== "") context.progress(`${step}: ${line}`);
      if (what === "ended") context.progress(`${step}: ${state ?? ""}`);
    },
  });
  const steps = reportSteps(view);
  const ran = { playbook: loaded.name, run: request.run, dryRun: false, parameters: request.parameters, steps, notYet: [] };
  const confirmations =
    confirmed === undefined ? {} : { confirmations: { people: confirmed.people, needed: confirmed.needed, groups: confirmed.groups } };
  const workspace = await workspaceAt(place);
  // Where there is no workspace, as when making one failed, there is no key to sign a receipt with, and nobody to verify it.
  if (view.state === "open" || workspace === undefined) return { ...ran, ...confirmations, state: view.state };
  const { principal, key } = await actorFor(given, context, layout, workspace);
  const after = await positionOf(layout, workspace);
  const parts = { workspace, loaded, view, by: principal, confirmations: confirmed?.compacts ?? [], before, after };
  const receipt = join(place.receiptsFolder, `${request.run}.json`);
  await ensurePrivateFolder(place.receiptsFolder);
  await atomicWriteFile(receipt, `${JSON.stringify(await makeReceipt(parts, key, context), null, 2)}\n`);
  return { ...ran, ...confirmations, state: view.state, receipt };
}

async function commandsFor({ environment }: PlaybookPlace, context: CommandContext): Promise<Commands> {
  // Loaded when a playbook runs: the program names this command, too.
  const { PROGRAM } = await import("../../program.ts");
  return await openCommands(PROGRAM, { ...context, env: { ...context.env, ...environment } });
}

async function workspaceAt({ layout }: PlaybookPlace): Promise<WorkspaceFile | undefined> {
  return await readWorkspaceFile(layout).catch(() => undefined);
}

function confirmHint(run: string, { people, needed, groups }: Pick<Counted, "people" | "needed" | "groups">): string {
  const have = people.length === 0 ? "nobody yet" : people.join(", ");
  return `${needed} of ${groups.join(" or ")} confirm run ${run} (${have}): triplane playbook confirm ${run} --as NAME`;
}

function ending({ playbook, run, dryRun: dry, state, notYet: missing, confirmations, receipt }: Ran): readonly string[] {
  const stops = missing.map(({ step, what }) => `✘ ${step}: ${what}`);
  if (dry)
    return [
      ...stops,
      state === "passed"
        ? `Nothing was changed. ${stops.length === 0 ? "Nothing stands in the way." : "That stands in the way."}`
        : "✘ The dry run did not get to its end.",
    ];
  if (state === "waiting" && confirmations !== undefined && run !== undefined)
    return [
      ...stops,
      `Nothing was changed yet. ${confirmHint(run, confirmations)}`,
      `Then: triplane playbook run ${playbook} --run ${run}`,
    ];
  if (state === "open") return [`Cut off. Go on: triplane playbook run ${playbook} --run ${run ?? ""}`];
  return [`${state === "passed" ? "✔" : "✘"} ${playbook} ${state}.`, ...(receipt === undefined ? [] : [`receipt  ${receipt}`])];
}
