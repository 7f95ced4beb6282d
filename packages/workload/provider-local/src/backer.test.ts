// Tests of what a backer reads out of user data, and of its settings. The real thing is in test/build/hcloud-build.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import fc from "fast-check";
import { backer } from "./backer.ts";
import { readUserData } from "./backer-user-data.ts";

const cloudConfig = (value: unknown): string => `#cloud-config\n${JSON.stringify(value)}\n`;

test("readUserData: host key, keys, the earlier of two timers, and what switches itself off", () => {
  const timer = (...words: string[]) => ["systemd-run", "--unit=x", ...words, "/usr/bin/systemctl", "poweroff"];
  assert.deepEqual(
    readUserData(
      cloudConfig({
        ssh_keys: { ed25519_private: "PEM", ed25519_public: "ssh-ed25519 AAAA\n" },
        ssh_authorized_keys: ["ssh-ed25519 BBBB"],
        bootcmd: [
          ["ip", "route", "replace", "blackhole", "169.254.169.254/32"],
          timer("--on-calendar=2026-11-23 12:00:00 UTC"),
          timer("--on-boot=90s"),
        ],
      }),
    ),
    {
      ...{ hostKey: { private: "PEM", public: "ssh-ed25519 AAAA" }, authorizedKeys: ["ssh-ed25519 BBBB"] },
      ...{ offAtS: Date.UTC(2026, 10, 23, 12) / 1000, offAfterS: 90, powersOff: false },
    },
  );
  assert.equal(readUserData(cloudConfig({ power_state: { mode: "poweroff" } })).powersOff, true);
  assert.deepEqual(readUserData("").authorizedKeys, []);
  // What looks like a timer outside of systemd-run is none.
  assert.equal(readUserData(cloudConfig({ bootcmd: [["echo", "--on-boot=1s"], "systemd-run --on-boot=1s"] })).offAfterS, undefined);
});

test("readUserData: anything else is refused in words, never guessed", () => {
  for (const text of ["#!/bin/sh\n", "#cloud-config\nusers: []\n", "{}", "#cloud-config\n[]", cloudConfig({ ssh_keys: 1 })])
    assert.throws(() => readUserData(text), { code: "provider_failed" }, text);
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        readUserData(`#cloud-config\n${text}`);
      } catch (error) {
        assert.ok(error instanceof TriplaneError && error.code === "provider_failed");
      }
    }),
  );
});

test("backer: settings that are wrong are refused before anything is started", async () => {
  await assert.rejects(backer({}), { code: "config_invalid", message: /TRIPLANE_BACKER_RUNNERS_DIR/ });
  await assert.rejects(backer({ TRIPLANE_BACKER_RUNNERS_DIR: "runners" }), { code: "config_invalid" });
  await assert.rejects(backer({ TRIPLANE_BACKER_RUNNERS_DIR: "/x", TRIPLANE_BACKER_SCALE: "0" }), { code: "config_invalid" });
});
