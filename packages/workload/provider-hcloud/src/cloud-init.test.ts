import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { cloudConfig, MAX_USER_DATA_BYTES, runnerUserData } from "./cloud-init.ts";
import { AUTHORIZED_KEY, HOST_KEY } from "./testing/place.ts";

const BOOT = { authorizedKey: AUTHORIZED_KEY, hostKey: HOST_KEY, deadManAtS: 1_790_003_600, nowS: 1_790_000_000 };

const GOLDEN = `#cloud-config
{
  "ssh_deletekeys": true,
  "ssh_keys": {
    "ed25519_private": ${JSON.stringify(HOST_KEY.private)},
    "ed25519_public": "${HOST_KEY.public}"
  },
  "disable_root": false,
  "ssh_pwauth": false,
  "users": [],
  "ssh_authorized_keys": [
    "${AUTHORIZED_KEY}"
  ],
  "bootcmd": [
    [
      "ip",
      "route",
      "replace",
      "blackhole",
      "169.254.169.254/32"
    ],
    [
      "systemd-run",
      "--unit=triplane-dead-man-clock",
      "--no-block",
      "--timer-property=AccuracySec=1s",
      "--on-calendar=2026-09-21 15:13:20 UTC",
      "/usr/bin/systemctl",
      "poweroff",
      "--force"
    ],
    [
      "systemd-run",
      "--unit=triplane-dead-man-uptime",
      "--no-block",
      "--timer-property=AccuracySec=1s",
      "--on-boot=3600s",
      "/usr/bin/systemctl",
      "poweroff",
      "--force"
    ]
  ]
}
`;

/** What PyYAML, which cloud-init reads with, makes of it; undefined and a skipped test where there is none. */
async function yaml(context: TestContext, texts: readonly string[]): Promise<readonly unknown[] | undefined> {
  const program = "import json,sys,yaml; json.dump([yaml.safe_load(t) for t in json.load(sys.stdin)], sys.stdout)";
  const running = promisify(execFile)("python3", ["-c", program], { maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.on("error", () => undefined).end(JSON.stringify(texts));
  try {
    return JSON.parse((await running).stdout);
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code !== "ENOENT" && !/No module named 'yaml'/.test(stderr ?? "")) throw error;
    context.skip("PYTHON'S YAML IS MISSING, what cloud-init makes of the user data is not tested");
    return undefined;
  }
}

test("runnerUserData: the whole text", () => {
  assert.equal(runnerUserData(BOOT), GOLDEN);
  assert.ok(Buffer.byteLength(GOLDEN) < MAX_USER_DATA_BYTES);
});

test("runnerUserData: comments of keys are left out, no line of theirs goes in", () => {
  const text = runnerUserData({
    ...BOOT,
    authorizedKey: `${AUTHORIZED_KEY} ana@desk`,
    hostKey: { ...HOST_KEY, public: `${HOST_KEY.public} x` },
  });
  assert.equal(text, GOLDEN);
});

test("peer: cloud-init's YAML reader reads what was written", async (context) => {
  const read = await yaml(context, [GOLDEN]);
  if (read === undefined) return;
  const [config] = read as [{ ssh_keys: Record<string, string>; bootcmd: string[][]; ssh_authorized_keys: string[] }];
  assert.deepEqual(config, JSON.parse(GOLDEN.slice("#cloud-config\n".length)));
  assert.equal(config.ssh_keys["ed25519_private"], HOST_KEY.private);
  assert.deepEqual(config.ssh_authorized_keys, [AUTHORIZED_KEY]);
});

test("peer: no value breaks out of its place, whatever is in it", async (context) => {
  const hostile = [
    "\n- x: y",
    "a: b",
    "}",
    '"',
    "\\",
    "#cloud-config",
    "\u0085x",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\t",
    "\0",
    "\u007f",
    "é",
    "{{ v1 }}",
    "'",
    "*a",
    "&a",
    "!!python/object",
  ];
  const values = [
    ...hostile,
    ...fc.sample(
      fc.string({ unit: "binary", maxLength: 40 }).filter((text) => !/[\ud800-\udfff]/.test(text)),
      { numRuns: 200, seed: 7 },
    ),
  ];
  const read = await yaml(
    context,
    values.map((value) => cloudConfig({ a: value, [value]: 1, list: [value] })),
  );
  if (read === undefined) return;
  for (const [index, value] of values.entries())
    assert.deepEqual(read[index], { a: value, [value]: 1, list: [value] }, JSON.stringify(value));
});

test("cloudConfig: ASCII only, and never more than the API takes", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.match(cloudConfig({ text }), /^[\n\x20-\x7e]*$/)));
  assert.throws(() => cloudConfig({ text: "x".repeat(MAX_USER_DATA_BYTES) }), { code: "provider_failed" });
});

test("runnerUserData: what is not a key or a time makes no user data", () => {
  for (const bad of [
    { authorizedKey: "" },
    { authorizedKey: "ssh-rsa AAAA" },
    { authorizedKey: `${AUTHORIZED_KEY}\n${AUTHORIZED_KEY}` },
    { authorizedKey: `command="id" ${AUTHORIZED_KEY}` },
    { hostKey: { ...HOST_KEY, public: "ssh-ed25519" } },
    { hostKey: { ...HOST_KEY, private: "-----BEGIN RSA PRIVATE KEY-----\n" } },
    { hostKey: { ...HOST_KEY, private: `${HOST_KEY.private}extra` } },
    { deadManAtS: BOOT.nowS },
    { deadManAtS: BOOT.nowS + 8 * 24 * 3600 },
    { deadManAtS: Number.NaN },
    { deadManAtS: 1_790_003_600.5 },
  ]) {
    assert.throws(() => runnerUserData({ ...BOOT, ...bad }), { code: "provider_failed" }, JSON.stringify(bad));
  }
});
