import assert from "node:assert/strict";
import { it } from "node:test";
import { tempDir } from "@triplane/testkit";
import { followSteps } from "./follow.ts";
import { stepsOf } from "./markdown-session.ts";

const LONG_MS = 60_000;

/** The message of what goes wrong while these blocks are followed. */
async function wrongWith(blocks: readonly string[], timeoutMs = LONG_MS): Promise<string> {
  await using folder = await tempDir("follow");
  const steps = stepsOf(blocks.map((text) => `\`\`\`sh\n${text}\n\`\`\`\n`).join(""));
  const following = followSteps(steps, { cwd: folder.path, env: process.env, timeoutMs });
  return await following.then(
    () => "",
    (error: Error) => error.message,
  );
}

it("followSteps: a step that fails is told with its last commands, what it printed and the ends of its files, whatever runs beside it", async () => {
  const message = await wrongWith(["echo one > one.log", "sleep 600 &\necho two\nfalse", "echo three"]);
  assert.match(message, /^the block in line 4 failed with 1; its last commands:\n(?:.*\n)*\+ false\n(?:.*\n)*printed:\ntwo\n/);
  assert.match(message, /==> one\.log\none$/);
  assert.doesNotMatch(message, /three/);
});

it("followSteps: a step that does not end is cut off, and told in the same way", async () => {
  const message = await wrongWith(["echo one", "sleep 600 &\necho waiting\nuntil false; do sleep 0.05; done"], 5000);
  assert.match(message, /^the block in line 4 was cut off after 5 s; its last commands:\n/);
  assert.match(message, /\n\+ (?:false|sleep 0\.05)\n(?:.*\n)*printed:\nwaiting\b/);
});

it("followSteps: what ran beside the steps has ended when they have", async () => {
  await using folder = await tempDir("follow");
  const steps = stepsOf("```sh\nsleep 600 & echo $!\n```\n");
  const [printed = ""] = await followSteps(steps, { cwd: folder.path, env: process.env, timeoutMs: LONG_MS });
  assert.throws(() => process.kill(Number(printed.trim()), 0), { code: "ESRCH" });
});
