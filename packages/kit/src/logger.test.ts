// Tests of the logger.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { createLogger, silentLogger } from "./logger.ts";

function recorded(level?: "debug" | "warn") {
  const lines: Record<string, unknown>[] = [];
  const sink = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { logger: createLogger({ name: "keeper", sink, ...(level === undefined ? {} : { level }) }), lines };
}

test("createLogger: one JSON object a line, with level, time, name, fields and message", () => {
  const { logger, lines } = recorded();
  logger.child({ workspace: "libre-wuji" }).info({ jti: "018f" }, "op admitted");
  const [line] = lines;
  assert.equal(line?.["level"], "info");
  assert.equal(line["name"], "keeper");
  assert.equal(line["workspace"], "libre-wuji");
  assert.equal(line["jti"], "018f");
  assert.equal(line["msg"], "op admitted");
  assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT/);
});

test("createLogger: writes nothing below its level", () => {
  const { logger, lines } = recorded("warn");
  logger.debug({}, "a");
  logger.info({}, "b");
  logger.warn({}, "c");
  logger.error({}, "d");
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ["c", "d"],
  );
});

test("createLogger: strikes out secrets by their name, also one level down", () => {
  const { logger, lines } = recorded();
  logger.info({ token: "t0", options: { password: "p0", seed: "s0" }, authorization: "Bearer b0" }, "x");
  const text = JSON.stringify(lines);
  for (const secret of ["t0", "p0", "s0", "b0"]) assert.ok(!text.includes(secret), secret);
});

test("createLogger: an error keeps its code, hint, details and causes", () => {
  const { logger, lines } = recorded();
  const error = new TriplaneError("bus_unreachable", "no answer", { cause: new Error("ECONNREFUSED"), details: { port: 4222 } });
  logger.error({ err: error }, "publish failed");
  const shown = JSON.stringify(lines[0]?.["err"]);
  for (const part of ["bus_unreachable", "no answer", "ECONNREFUSED", "4222"]) assert.ok(shown.includes(part), part);
});

test("createLogger: causes that point at each other end", () => {
  const { logger, lines } = recorded();
  const loop: Error & { cause?: unknown } = new Error("loop");
  loop.cause = loop;
  logger.error({ err: loop }, "x");
  logger.error({ err: "only text" }, "y");
  assert.equal(lines.length, 2);
});

test("silentLogger: says nothing and has silent children", () => {
  silentLogger.child({ a: 1 }).error({}, "x");
});
