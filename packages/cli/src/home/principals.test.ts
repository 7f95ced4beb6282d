import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { readNickel } from "@triplane/nickel";
import { type People, renderPins, renderPrincipals } from "./principals.ts";

const people: People = {
  operators: [
    { principal: "ana", groups: ["platform"], scopes: ["all"], may: ["Approve", "Admit"] },
    { principal: "ben", groups: ["platform"], scopes: ["all"], may: [] },
  ],
  automations: [{ principal: "ci", scopes: ["desired"] }],
  agents: [{ principal: "scout", owner: "ana", scopes: ["web"], budget: { ops: 5, window_s: 3600 } }],
  keepers: [{ name: "keeper" }],
};

describe("renderPrincipals", () => {
  it("is data that reads back with everybody's key (`policy-files-are-declarative-only`)", () => {
    const { did } = generateSigningKey();
    const keyed = (entry: object) => ({ ...entry, keys: [did] });
    const read = readNickel(
      renderPrincipals(people, () => did),
      { file: "principals.ncl" },
    ).json;
    assert.deepEqual(read, {
      operators: people.operators.map(keyed),
      automations: people.automations.map(keyed),
      agents: people.agents.map(keyed),
      keepers: people.keepers.map(keyed),
    });
  });

  it("refuses a name that could be more than a name", () => {
    const { did } = generateSigningKey();
    const odd: People = { ...people, keepers: [{ name: 'x", keys = ["y' }] };
    assert.throws(() => renderPrincipals(odd, () => did), { code: "internal" });
  });
});

describe("renderPins", () => {
  it("reads back as it was given", () => {
    const pins = {
      desired: { rid: "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", root: "a".repeat(40) },
      state: { rid: "rad:z4V1sjrXqjvFdnCUbxPFqd5p4DtH5", root: "b".repeat(40) },
      controller: generateSigningKey().did,
    };
    assert.deepEqual(readNickel(renderPins(pins), { file: "pins.ncl" }).json, { pins });
  });
});
