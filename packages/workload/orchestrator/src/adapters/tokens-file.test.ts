import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { atomicWriteFile, silentLogger, systemRandom } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { newToken, renderTokensFile } from "../http/tokens.ts";
import { TokensFile } from "./tokens-file.ts";

test("TokensFile: callers come and go with the file; one that does not read lets nobody in (`no-fail-open`)", async () => {
  await using folder = await tempDir("tokens-file");
  const file = join(folder.path, "tokens.json");
  const [ana, ben] = ["ana", "ben"].map((caller) => ({ caller, scopes: ["plan"] as const, token: newToken(systemRandom) }));
  assert.ok(ana !== undefined && ben !== undefined);
  const bearer = ({ token }: typeof ana): string => `Bearer ${token}`;
  assert.throws(() => new TokensFile(file, silentLogger), { code: "config_invalid" });

  await atomicWriteFile(file, renderTokensFile([ana]));
  const tokens = new TokensFile(file, silentLogger);
  assert.equal(tokens.authorize(bearer(ana), "plan").caller, "ana");
  assert.throws(() => tokens.authorize(bearer(ben), "plan"), { code: "unauthorized" });

  await atomicWriteFile(file, renderTokensFile([ana, ben]));
  assert.equal(tokens.authorize(bearer(ben), "plan").caller, "ben");
  await atomicWriteFile(file, renderTokensFile([ana]));
  assert.throws(() => tokens.authorize(bearer(ben), "plan"), { code: "unauthorized" });

  await writeFile(file, "{");
  assert.throws(() => tokens.authorize(bearer(ana), "plan"), { code: "unauthorized" });
  await rm(file);
  assert.throws(() => tokens.authorize(bearer(ana), "plan"), { code: "unauthorized" });
  await atomicWriteFile(file, renderTokensFile([ana]));
  assert.equal(tokens.authorize(bearer(ana), "plan").caller, "ana");
});
