// Strict Ed25519: canonical keys and signatures only, agreeing with node:crypto on everything honest.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { encodeBase58 } from "./base58.ts";
import { didOfPublicKey, generateSigningKey, isDid, publicKeyOfDid, signingKeyFromSeed, verifySignature } from "./ed25519.ts";
import { codeOf } from "./testing/code-of.ts";

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;

function littleEndian32(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse());
}

// Published by Radicle's own examples: seeds of one repeated byte and the node ids they give.
test("signingKeyFromSeed: gives the published node ids", () => {
  const ids: readonly (readonly [number, string])[] = [
    [0xff, "z6MknSLrJoTcukLrE435hVNQT4JUhbvWLX4kUzqkEStBU8Vi"],
    [0xfe, "z6Mkt67GdsW7715MEfRuP4pSZxJRJh6kj6Y48WRqVv4N1tRk"],
    [0xfd, "z6Mkux1aUQD2voWWukVb5nNUR7thrHveQG4pDQua8nVhib7Z"],
  ];
  for (const [byte, id] of ids) assert.equal(signingKeyFromSeed(new Uint8Array(32).fill(byte)).did, `did:key:${id}`);
});

// RFC 8032 section 7.1, test 2.
test("verifySignature: accepts the RFC 8032 vector", () => {
  const key = signingKeyFromSeed(Buffer.from("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "hex"));
  assert.equal(Buffer.from(key.publicKey).toString("hex"), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const signature = key.sign(Uint8Array.from([0x72]));
  assert.equal(
    Buffer.from(signature).toString("hex"),
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  verifySignature(key.did, Uint8Array.from([0x72]), signature);
});

test("verifySignature: pitfall 15: refuses S + L, which plain arithmetic would accept", () => {
  const key = generateSigningKey();
  const message = Buffer.from("op");
  const signature = key.sign(message);
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
  const forged = Uint8Array.from([...signature.subarray(0, 32), ...littleEndian32(s + L)]);
  assert.equal(
    codeOf(() => verifySignature(key.did, message, forged)),
    "signature_noncanonical",
  );
});

// The encodings of all points of small order, canonical and not ("Taming the many EdDSAs", table 6).
const smallOrder: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

test("publicKeyOfDid: refuses every key of small order", () => {
  for (const hex of smallOrder) {
    const did = `did:key:z${encodeBase58(Uint8Array.from([0xed, 0x01, ...Buffer.from(hex, "hex")]))}`;
    assert.equal(
      codeOf(() => publicKeyOfDid(did)),
      "key_weak",
      hex,
    );
    assert.equal(isDid(did), false);
  }
});

test("verifySignature: refuses an R of small order", () => {
  const key = generateSigningKey();
  for (const hex of smallOrder) {
    const signature = Uint8Array.from([...Buffer.from(hex, "hex"), ...littleEndian32(1n)]);
    assert.equal(
      codeOf(() => verifySignature(key.did, Buffer.from("op"), signature)),
      "signature_noncanonical",
      hex,
    );
  }
});

test("publicKeyOfDid: refuses a key that is not below the field prime", () => {
  const did = `did:key:z${encodeBase58(Uint8Array.from([0xed, 0x01, ...littleEndian32(P + 5n)]))}`;
  assert.equal(
    codeOf(() => publicKeyOfDid(did)),
    "key_weak",
  );
});

const malformed: readonly string[] = [
  "",
  "did:key:",
  "did:key:z6Mk",
  "did:web:example.org",
  "did:key:z6MkO0Il",
  `did:key:z6Mk${"1".repeat(500)}`,
  `did:key:z${encodeBase58(Uint8Array.from([0xe7, 0x01, ...new Uint8Array(32).fill(9)]))}`,
];
for (const did of malformed) {
  test(`publicKeyOfDid: refuses ${JSON.stringify(did.slice(0, 30))}`, () => {
    assert.equal(
      codeOf(() => publicKeyOfDid(did)),
      "kid_malformed",
    );
  });
}

test("signingKeyFromSeed: refuses a seed that is not 32 bytes", () => {
  assert.equal(
    codeOf(() => signingKeyFromSeed(new Uint8Array(31))),
    "key_weak",
  );
});

test("verifySignature: agrees with node:crypto on honest and on damaged signatures", () => {
  const key = generateSigningKey();
  const spki = createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.publicKey]),
    format: "der",
    type: "spki",
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.option(fc.nat(511), { nil: undefined }), (message, flipBit) => {
      const signature = key.sign(message);
      if (flipBit !== undefined) signature[flipBit >> 3] = (signature[flipBit >> 3] ?? 0) ^ (1 << (flipBit & 7));
      const accepted = codeOf(() => verifySignature(key.did, message, signature)) === undefined;
      assert.equal(accepted, verify(null, message, spki, signature));
    }),
    { numRuns: 200 },
  );
});

test("didOfPublicKey: round trips with publicKeyOfDid", () => {
  for (let round = 0; round < 20; round += 1) {
    const key = generateSigningKey();
    assert.deepEqual(publicKeyOfDid(didOfPublicKey(key.publicKey)), key.publicKey);
  }
});

test("verifySignature: S is compared with the group order to the last bit", () => {
  const key = generateSigningKey();
  const message = Buffer.from("op");
  const signature = key.sign(message);
  const withS = (s: bigint) => Uint8Array.from([...signature.subarray(0, 32), ...littleEndian32(s)]);
  for (const [s, code] of [
    [L - 1n, "signature_invalid"],
    [L, "signature_noncanonical"],
    [L + 1n, "signature_noncanonical"],
    [2n ** 256n - 1n, "signature_noncanonical"],
  ] as const) {
    assert.equal(
      codeOf(() => verifySignature(key.did, message, withS(s))),
      code,
    );
  }
});
