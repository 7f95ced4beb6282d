import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { seededRandom, tempDir } from "@triplane/testkit";
import type { Image } from "@triplane/vm-pool";
import fc from "fast-check";
import { ociContents } from "./adapters/oci-contents.ts";
import { sshShell } from "./adapters/ssh.ts";
import { asBuilder } from "./builder.ts";
import { parseContents } from "./contents/packages.ts";
import { ContentsShelf } from "./contents/shelf.ts";
import { spdxOf } from "./contents/spdx.ts";
import { goldenServerLabels, isGoldenVersion } from "./images.ts";
import { smokeBuild } from "./smoke.ts";
import { goldenStatus } from "./status.ts";

const NEVER = new AbortController().signal;
const DAY_S = 24 * 3600;
const NOW_S = 1_790_000_000;
const LINES = [
  "suite:bookworm",
  "package:rsync\t3.2.7-1+deb12u2\tamd64\trsync\tinstalled",
  "package:libstdc++6\t1:12.2-3~deb12u1\tamd64\tgcc-12\tinstalled",
  "package:gone\t1.0\tall\tgone\tconfig-files",
  "program:buildkitd:buildkitd github.com/moby/buildkit v0.32.2 ",
  "program:buildctl:buildctl github.com/moby/buildkit v0.32.2 ab12",
];

test("parseContents: installed packages by name, BuildKit's programs; what is no such line is refused", () => {
  const contents = parseContents(LINES.join("\n"));
  assert.deepEqual(
    [contents.suite, contents.packages.map(({ name }) => name), contents.programs.map(({ version }) => version)],
    ["bookworm", ["libstdc++6", "rsync"], ["0.32.2", "0.32.2"]],
  );
  for (const wrong of [["package:a b\t1\tall\ta\tinstalled"], ["hello"]]) {
    assert.throws(() => parseContents([...LINES, ...wrong].join("\n")), { code: "golden_contents" });
  }
  for (const missing of [0, 4, 5]) {
    assert.throws(() => parseContents(LINES.filter((_, index) => index !== missing).join("\n")), { code: "golden_contents" });
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.throws(
        () => parseContents(text),
        (error: unknown) => error instanceof TriplaneError && error.code === "golden_contents",
      );
    }),
  );
});

test("spdxOf: every package with its package URL, every program with its module", () => {
  const sbom = spdxOf({ ...parseContents(LINES.join("\n")), name: "local/1", imageId: "sha256-x", createdAtS: NOW_S });
  assert.equal(sbom.creationInfo.created, "2026-09-21T14:13:20Z");
  assert.deepEqual(
    sbom.packages.map(({ SPDXID, externalRefs }) => [SPDXID, externalRefs[0]?.referenceLocator]),
    [
      ["SPDXRef-deb-libstdc--6", "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2-3~deb12u1?arch=amd64&distro=bookworm"],
      ["SPDXRef-deb-rsync", "pkg:deb/debian/rsync@3.2.7-1%2Bdeb12u2?arch=amd64&distro=bookworm"],
      ["SPDXRef-program-buildkitd", "pkg:golang/github.com/moby/buildkit@v0.32.2"],
      ["SPDXRef-program-buildctl", "pkg:golang/github.com/moby/buildkit@v0.32.2"],
    ],
  );
  assert.equal(sbom.relationships.length, 4);
});

test("ContentsShelf: a file where there is no registry; an image whose list is nowhere is refused", async () => {
  await using folder = await tempDir("contents");
  const shelf = new ContentsShelf(join(folder.path, "contents"), undefined);
  const facts = { imageId: "1", createdAtS: NOW_S };
  await assert.rejects(shelf.publish("v1", facts, NEVER), { code: "golden_contents" });
  const file = await shelf.keep("v1", "{}\n");
  assert.equal(await readFile(file, "utf8"), "{}\n");
  assert.deepEqual(await shelf.publish("v1", facts, NEVER), { file, reference: undefined });
  assert.deepEqual([await shelf.fileOf("v1"), await shelf.fileOf("v2"), await shelf.fileOf("../v1")], [file, undefined, undefined]);
  await assert.rejects(shelf.keep("../../etc/x", "{}"), { code: "golden_contents" });
});

test("ociContents: a secret goes over TLS, or to this machine", () => {
  const at = (origin: string) => () => ociContents({ origin, user: "golden-builder", secret: "s", providerName: "local" });
  for (const wrong of ["http://registry.example", "registry.example", "https://u@registry.example", "https://registry.example/x"])
    assert.throws(at(wrong), { code: "config_invalid" }, wrong);
  assert.equal(at("https://registry.example")().name, "registry.example/golden/local");
  assert.equal(at("http://127.0.0.1:5000")().name, "127.0.0.1:5000/golden/local");
});

test("ociContents: a registry that does not answer is golden_contents", async () => {
  const contents = ociContents({ origin: "http://127.0.0.1:9", user: "golden-builder", secret: "s", providerName: "local" });
  await assert.rejects(contents.find("v1", NEVER), { code: "golden_contents", message: /127\.0\.0\.1:9 does not answer/ });
});

test("sshShell: an address that is none is refused; where nobody listens it is runner_unreachable", async () => {
  const login = { address: { host: "127.0.0.1", port: 9, user: "root" }, key: "none", hostKey: "ssh-ed25519 AAAA" };
  await assert.rejects(sshShell(login, "true", NEVER), { code: "runner_unreachable" });
  for (const wrong of [{ host: "-oProxyCommand=x" }, { host: "a b" }, { user: "-l" }, { user: "a b" }])
    await assert.rejects(sshShell({ ...login, address: { ...login.address, ...wrong } }, "true", NEVER), { code: "provider_failed" });
});

test("smokeBuild: passes only where a step ran and its result came back", async () => {
  const canary = (stdout: string, stderr: string, exitCode = 0) => ({ name: "canary-1", run: async () => ({ exitCode, stdout, stderr }) });
  const step = "#8 0.05 buildctl github.com/moby/buildkit v0.32.2 \n";
  const nonce = "abcdef0123456789";
  const stats = 'stats:{"oom_kills":0,"peak_memory_mib":12}\n';
  assert.deepEqual(await smokeBuild(canary(`result:${nonce}\n${stats}`, step), nonce, NEVER), {
    buildkit: "buildctl github.com/moby/buildkit v0.32.2",
  });
  for (const wrong of [
    canary(`result:${nonce}\n${stats}`, "#8 CACHED\n"),
    canary(`result:old\n${stats}`, step),
    canary(`result:${nonce}\nstats:\n`, step),
    canary("", step),
    canary(`result:${nonce}\n${stats}`, step, 1),
  ])
    await assert.rejects(smokeBuild(wrong, nonce, NEVER), { code: "golden_smoke_failed" });
});

test("goldenStatus: fresh, old after 7 days, too old after 14, missing", () => {
  const image = (role: string, ageS: number): Image => ({
    ...{ id: role, createdAtS: NOW_S - ageS, platform: "linux/amd64" },
    labels: { "managed-by": "triplane", golden: role, "golden-version": `v-${role}` },
  });
  const verdict = (...images: readonly Image[]) => goldenStatus(images, "linux/amd64", NOW_S).verdict;
  assert.deepEqual(
    [
      verdict(image("current", DAY_S)),
      verdict(image("current", 8 * DAY_S)),
      verdict(image("current", 15 * DAY_S)),
      verdict(image("candidate", 0)),
    ],
    ["fresh", "old", "too-old", "missing"],
  );
  const status = goldenStatus(
    [image("current", 5), image("previous", 9 * DAY_S), image("candidate", 1), image("retired", 99)],
    "linux/amd64",
    NOW_S,
  );
  assert.deepEqual(
    [status.current?.version, status.previous?.age, status.others.map(({ role }) => role)],
    ["v-current", "old", ["candidate", "retired"]],
  );
});

test("asBuilder: one at a time, under a name that stays", async () => {
  await using folder = await tempDir("builder");
  const random = seededRandom();
  const at = join(folder.path, "work");
  await mkdir(at);
  const first = await asBuilder(at, random, async (name) => {
    await assert.rejects(
      asBuilder(at, random, async () => undefined),
      { code: "golden_locked", message: new RegExp(`process ${process.pid} `) },
    );
    return name;
  });
  assert.match(first, /^golden-[0-9a-f]{12}$/);
  assert.equal(await asBuilder(at, random, async (name) => name), first);
  assert.equal(goldenServerLabels("canary-1", first, 5).tenant, first);
  assert.deepEqual(["20261123-120000-a1b2c3", "A", "-a", "a".repeat(41)].map(isGoldenVersion), [true, false, false, false]);
});
