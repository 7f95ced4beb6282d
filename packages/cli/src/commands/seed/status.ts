// triplane seed status: where the copies of seeds stand against the workspace's own repositories.
import { join, resolve } from "node:path";
import { sleep } from "@triplane/kit";
import { repositoryDir } from "@triplane/ledger";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { duration, list } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { type Standing, standingOf } from "../../seeds/standing.ts";
import { homeOption, type OpenHome, openHome } from "../home-option.ts";

const POLL_MS = 500;

interface Row extends Standing {
  readonly seed: string;
  readonly repository: string;
  readonly rid: string;
}

export const seedStatus = defineCommand({
  description:
    "Verifies the policy, the desired state and the ledger in each seed's storage from their bytes, and compares the signed refs of every delegate with the workspace's own. What a node says of itself is not asked.",
  args: z.strictObject({ folders: list("FOLDER", "Folders of seeds on this machine, or copies of them") }),
  options: z.strictObject({
    wait: duration("Wait so long for all of them to be in step").optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane seed status ./ci ./signing", what: "two seeds; exit code 1 unless both are in step" },
    { command: "triplane seed status ./ci --wait 1m", what: "wait until it has everything" },
  ],
  run: async ({ args, options }, context) => {
    const home = await openHome(options.home, context);
    const folders = args.folders.map((folder) => ({ name: folder, path: resolve(context.cwd, folder) }));
    const untilMs = context.clock.nowMs() + (options.wait ?? 0) * 1000;
    for (;;) {
      const rows = await compare(home, folders);
      const inStep = rows.length > 0 && rows.every(({ state }) => state === "in step");
      if (inStep || context.clock.nowMs() >= untilMs || context.signal.aborted) return { inStep, seeds: rows };
      await sleep(POLL_MS, context.signal);
    }
  },
  render: ({ seeds }) =>
    table(
      ["SEED", "REPOSITORY", "SIGNED REFS", "STATE"],
      seeds.map((row) => [
        row.seed,
        row.repository,
        `${row.same} of ${row.delegates}`,
        row.why === undefined ? row.state : `${row.state} (${row.why})`,
      ]),
    ),
  failed: ({ inStep }) => !inStep,
});

async function compare(home: OpenHome, folders: readonly { readonly name: string; readonly path: string }[]): Promise<readonly Row[]> {
  const { policy, desired, state } = home.workspace.pins;
  const rows: Row[] = [];
  for (const { name, path } of folders) {
    for (const [repository, pin] of Object.entries({ policy, desired, state })) {
      const ours = repositoryDir(home.layout.storage, pin.rid);
      const theirs = repositoryDir(join(path, "storage"), pin.rid);
      rows.push({ seed: name, repository, rid: pin.rid, ...(await standingOf(ours, theirs, pin)) });
    }
  }
  return rows;
}
