// What is shipped to run validations by: timers and CronJobs, modes and handlers; each names validations and checks that there are.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { findTool } from "@triplane/kit";
import { graphProblems, readMode, VALIDATION_CHECKS, VALIDATIONS } from "@triplane/reflection";
import { tempDir } from "@triplane/testkit";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ROOT } from "../e2e/installation.ts";

const run = promisify(execFile);
const PROVISIONING = join(ROOT, "provisioning");
const SYSTEMD = join(ROOT, "deploy/systemd");

const cronJobSchema = z.object({
  apiVersion: z.literal("batch/v1"),
  kind: z.literal("CronJob"),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    schedule: z.string().regex(/^\d+ \d+ \* \* [*\d]$/),
    concurrencyPolicy: z.literal("Forbid"),
    jobTemplate: z.object({
      spec: z.object({
        template: z.object({
          spec: z.object({
            restartPolicy: z.literal("Never"),
            containers: z.array(z.object({ name: z.string(), image: z.string(), args: z.array(z.string()) })).length(1),
          }),
        }),
      }),
    }),
  }),
});

describe("schedules of validations", () => {
  it("deploy/kubernetes/validations.yaml: a CronJob for each validation", async () => {
    const documents = parseAllDocuments(await readFile(join(ROOT, "deploy/kubernetes/validations.yaml"), "utf8"));
    const jobs = documents.map((document) => cronJobSchema.parse(document.toJS()));
    const commands = jobs.map(({ spec }) => spec.jobTemplate.spec.template.spec.containers[0]?.args.join(" "));
    assert.deepEqual(
      commands,
      VALIDATIONS.map((name) => `triplane validate ${name}`),
    );
  });

  it("deploy/systemd: a timer for each validation, which systemd takes", async (context) => {
    const timers = (await readdir(SYSTEMD)).filter((name) => name.endsWith(".timer"));
    assert.deepEqual(timers.sort(), VALIDATIONS.map((name) => `triplane-${name}.timer`).sort());
    for (const name of VALIDATIONS) {
      const text = await readFile(join(SYSTEMD, `triplane-${name}.timer`), "utf8");
      assert.match(text, new RegExp(`^Unit=triplane-validate@${name}\\.service$`, "m"));
      assert.match(text, /^OnCalendar=(?:[A-Z][a-z]{2} )?\*-\*-\* \d\d:\d\d:00$/m);
    }
    await using folder = await tempDir("units");
    await cp(SYSTEMD, folder.path, { recursive: true });
    const found = await run("systemd-analyze", ["verify", join(folder.path, "triplane-validate@validate-ops-contract.service")]).catch(
      (error: NodeJS.ErrnoException & { stderr?: string }) => error,
    );
    if ("code" in found && found.code === "ENOENT") context.diagnostic("systemd-analyze is not here: the units were read, not verified");
    else assert.doesNotMatch(found.stderr ?? "", /Unknown|Failed to parse|Invalid/);
  });
});

describe("modes and handlers of validations", () => {
  for (const validation of VALIDATIONS) {
    it(`${validation}: its mode has a step for each check, and no other`, async () => {
      const mode = await readMode(`reflection/modes/${validation}.ncl`, { root: PROVISIONING });
      assert.deepEqual(graphProblems(mode.steps), []);
      const checks = VALIDATION_CHECKS.filter((check) => check.validation === validation);
      assert.deepEqual(
        mode.steps.map(({ id, cmd }) => [id, cmd]),
        checks.map(({ id }) => [id, `triplane validate ${validation} --check ${id} --json`]),
      );
    });

    it(`${validation}: its handler is Nushell without an error`, async () => {
      const { path } = await findTool("nu");
      const file = join(PROVISIONING, "reflection/handlers", `${validation}.nu`);
      const { stdout } = await run(path, ["--no-config-file", "--ide-check", "10", file]);
      assert.doesNotMatch(stdout, /"severity":"Error"/);
    });
  }

  it("ids of checks are unique", () => {
    const ids = VALIDATION_CHECKS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
});
