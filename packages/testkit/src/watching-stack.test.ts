// Tests of the stand-ins: each says on its health address what the real one says, well and sick.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeGrafana, startFakeLoki, startFakeVector } from "./watching-stack.ts";

const PARTS = [
  { name: "Grafana", start: startFakeGrafana, path: "/api/health", well: /"database":"ok"/, sick: /"database":"failing"/ },
  { name: "Vector", start: startFakeVector, path: "/health", well: /"ok":true/, sick: /"ok":false/ },
  { name: "Loki", start: startFakeLoki, path: "/ready", well: /^ready/, sick: /not ready/ },
] as const;

for (const { name, start, path, well, sick } of PARTS) {
  test(`the fake ${name}: 200 while well, 503 while sick, 404 elsewhere`, async () => {
    const part = await start();
    const ask = async (where: string) => {
      const answer = await fetch(`${part.url}${where}`);
      return { status: answer.status, body: await answer.text() };
    };
    try {
      const first = await ask(path);
      assert.equal(first.status, 200);
      assert.match(first.body, well);
      part.setWell(false);
      const then = await ask(path);
      assert.equal(then.status, 503);
      assert.match(then.body, sick);
      assert.equal((await ask("/")).status, 404);
    } finally {
      await part.close();
    }
  });
}
