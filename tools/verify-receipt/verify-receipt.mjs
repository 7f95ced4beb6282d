#!/usr/bin/env node
// Verifies a receipt offline: one file for Node 18 and later, nothing installed, no code shared with the rest of this repository.
// Written from docs/reference/receipt-format.md, which it follows section by section; read that beside it.
import { createHash, createPublicKey, verify } from "node:crypto";
import { closeSync, openSync, readSync, realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs, TextDecoder } from "node:util";

class Refusal extends Error {}

function fail(why) {
  throw new Refusal(why);
}

function same(what, found, expected) {
  if (found !== expected) fail(`the ${what} is ${found}, not ${expected}`);
}

// --- 1. Bytes: UTF-8, strict JSON, SHA-256, base58 ---------------------------------------------------------------------------

const MAX_RECEIPT_BYTES = 2 * 1024 * 1024;
const MAX_DEPTH = 16;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return fail("the bytes are not UTF-8");
  }
}

/** The string literal at an offset, and where it ends. Read by hand: a pattern for it would take forever over one that does not end. */
function jsonString(source, start) {
  let at = start + 1;
  while (source.charCodeAt(at) >= 0x20 && source[at] !== '"') at += source[at] === "\\" ? 2 : 1;
  if (source[start] !== '"' || source[at] !== '"') fail(`no string at offset ${start} of the JSON`);
  const value = JSON.parse(source.slice(start, at + 1));
  return LONE_SURROGATE.test(value) ? fail(`a lone surrogate in the string at offset ${start}`) : [value, at + 1];
}

/** No key twice, no `__proto__`, whole numbers within 2^53 only, a bound on depth. Objects have no prototype. */
function strictJson(bytes) {
  const text = utf8(bytes);
  let at = 0;
  const bad = (why) => fail(`${why} at offset ${at} of the JSON`);
  const stick = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const take = (character) => {
    stick(/[ \t\r\n]*/y);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const string = () => {
    stick(/[ \t\r\n]*/y);
    const [value, end] = jsonString(text, at);
    at = end;
    return value;
  };
  const value = (depth) => {
    if (depth > MAX_DEPTH) bad("too deep");
    if (take("{")) {
      const object = Object.create(null);
      if (take("}")) return object;
      do {
        const key = string();
        if (key === "__proto__" || key in object) bad(`the key ${JSON.stringify(key)} again, or not allowed`);
        if (!take(":")) bad("a colon was expected");
        object[key] = value(depth + 1);
      } while (take(","));
      return take("}") ? object : bad("a comma or } was expected");
    }
    if (take("[")) {
      const array = [];
      if (take("]")) return array;
      do array.push(value(depth + 1));
      while (take(","));
      return take("]") ? array : bad("a comma or ] was expected");
    }
    if (text[at] === '"') return string();
    const word = stick(/true|false|null|-?(?:0|[1-9][0-9]*)(?![.eE])/y);
    if (word === "") bad("a value was expected");
    const plain = JSON.parse(word);
    return typeof plain === "number" && (word === "-0" || !Number.isSafeInteger(plain)) ? bad("a number that is not exact") : plain;
  };
  const result = value(0);
  stick(/[ \t\r\n]*/y);
  return at === text.length ? result : bad("something follows the value");
}

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function digestOf(bytes) {
  return `sha256:${sha256(bytes).toString("hex")}`;
}

function base64(text, form) {
  const bytes = Buffer.from(text, form);
  return text !== "" && bytes.toString(form) === text ? bytes : fail(`not canonical ${form}`);
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Exactly `size` bytes, written in the one way there is. */
function base58(text, size) {
  let number = 0n;
  for (const character of text) {
    const digit = BASE58.indexOf(character);
    if (digit < 0) fail("not base58");
    number = number * 58n + BigInt(digit);
  }
  const hex = number.toString(16);
  const bytes = Buffer.from(hex.padStart(size * 2, "0"), "hex");
  const zeros = /^1*/.exec(text)[0].length;
  return bytes.length === size && bytes.findIndex((byte) => byte !== 0) === zeros ? bytes : fail("not canonical base58");
}

// --- 2. Keys and signatures: strict Ed25519 ----------------------------------------------------------------------------------

const PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

const mod = (number) => ((number % PRIME) + PRIME) % PRIME;

function power(base, exponent) {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n, square = mod(square * square))
    if (rest & 1n) result = mod(result * square);
  return result;
}

const over = (a, b) => mod(a * power(b, PRIME - 2n));
const CURVE_D = over(-121665n, 121666n);

const littleEndian = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);

/** Refuses an encoding that is not canonical, and a point that eight times itself is nothing: its y after three doublings is 1. */
function strongPoint(bytes, name) {
  let y = littleEndian(bytes) & (2n ** 255n - 1n);
  if (y >= PRIME) fail(`${name} is not canonical`);
  for (let doubling = 0; doubling < 3; doubling += 1) {
    const y2 = mod(y * y);
    const x2 = over(y2 - 1n, CURVE_D * y2 + 1n);
    y = over(y2 + x2, 2n - y2 + x2);
  }
  if (y === 1n) fail(`${name} is of small order`);
}

const keys = new Map();

function publicKey(did) {
  if (typeof did !== "string" || !did.startsWith("did:key:z6Mk") || did.length > 64) fail("not the did:key of an Ed25519 key");
  if (!keys.has(did)) {
    const bytes = base58(did.slice("did:key:z".length), 34);
    if (bytes[0] !== 0xed || bytes[1] !== 0x01) fail("not the did:key of an Ed25519 key");
    strongPoint(bytes.subarray(2), "the public key");
    keys.set(did, bytes.subarray(2));
  }
  return keys.get(did);
}

function verifySignature(did, bytes, signature) {
  const raw = publicKey(did);
  if (signature.length !== 64) fail("a signature has 64 bytes");
  if (littleEndian(signature.subarray(32)) >= ORDER) fail("S is not below the group order");
  strongPoint(signature.subarray(0, 32), "R");
  const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
  if (!verify(null, bytes, key, signature)) fail(`the signature is not ${did}'s`);
}

// --- 3. Shapes ---------------------------------------------------------------------------------------------------------------

const text = (rule) => (value, at) =>
  typeof value === "string" && (typeof rule === "number" ? value.length <= rule : rule.test(value)) ? value : fail(`${at} is malformed`);
const int =
  (min, max = Number.MAX_SAFE_INTEGER) =>
  (value, at) =>
    Number.isSafeInteger(value) && value >= min && value <= max ? value : fail(`${at} is out of range`);
const oneOf =
  (...values) =>
  (value, at) =>
    values.includes(value) ? value : fail(`${at} is none of ${values.join(", ")}`);
const list = (item, min, max) => (value, at) =>
  Array.isArray(value) && value.length >= min && value.length <= max
    ? value.map((each, index) => item(each, `${at}.${index}`))
    : fail(`${at} is no list of ${min} to ${max}`);
const record = (member) => (value, at) => {
  if (!isObject(value)) fail(`${at} is no object`);
  for (const [key, each] of Object.entries(value)) member(each, `${at}.${key}`);
  return value;
};
const maybe = (check, fallback) => Object.assign((value, at) => check(value, at), { absent: { fallback } });
const object = (members) => (value, at) => {
  if (!isObject(value)) fail(`${at} is no object`);
  for (const key of Object.keys(value)) if (!Object.hasOwn(members, key)) fail(`${at} has an unknown member ${JSON.stringify(key)}`);
  const read = {};
  for (const [key, check] of Object.entries(members)) {
    if (key in value) read[key] = check(value[key], `${at}.${key}`);
    else if (check.absent === undefined) fail(`${at}.${key} is missing`);
    else if (check.absent.fallback !== undefined) read[key] = check.absent.fallback;
  }
  return read;
};
const isObject = (value) => value !== null && typeof value === "object" && Object.getPrototypeOf(value) === null;

const anything = (value) => value;
const flag = oneOf(true, false);
const did = (value) => publicKey(value) && value;
const digest = text(/^sha256:[0-9a-f]{64}$/);
const jti = text(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const commit = text(/^[0-9a-f]{40}$/);
const rid = text(/^rad:z[1-9A-HJ-NP-Za-km-z]{20,40}$/);
const seconds = int(0, 253402300799);
const compact = text(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
const name = text(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/);
const count = int(0);
const MAX_APPROVALS = 8;

const receiptShape = object({
  format: oneOf("triplane-receipt"),
  version: oneOf(1),
  workspace: text(64),
  subject: text(71),
  anchors: object({
    state: object({ rid: text(64), identity_root: commit }),
    policy: object({ rid: text(64), commit, digest: text(71) }),
  }),
  state_identity: text(16 * 1024),
  record: text(64 * 1024),
  inclusion: object({ index: count, proof: list(text(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/), 0, 64) }),
  checkpoint: text(16 * 1024),
  successions: maybe(list(text(4 * 1024), 1, 64)),
  policy_files: record(text(MAX_RECEIPT_BYTES)),
});

const policyRef = object({ rid, commit, digest });
const facts = object({ recent_auto: maybe(record(count)), budget_used: maybe(count), open_since: maybe(seconds) });
const decided = { iss: did, aud: text(128), op_digest: digest, policy: policyRef, approvals: list(compact, 0, MAX_APPROVALS), facts };

const TOKENS = {
  "succession+jwt": {
    limit: 4 * 1024,
    claims: object({
      iss: did,
      aud: text(128),
      iat: seconds,
      state_rid: rid,
      to: did,
      size: count,
      root: text(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/),
      chain_head: digest,
      policy: policyRef,
      accepted: text(/^[A-Za-z0-9_-]{85}[AQgw]$/),
    }),
  },
  "op+jwt": {
    limit: 12 * 1024,
    claims: object({
      iss: did,
      aud: text(128),
      jti,
      iat: seconds,
      nbf: maybe(seconds),
      exp: seconds,
      seq: int(1),
      op: text(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/),
      target: text(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/),
      scope: name,
      expected_state_version: count,
      args: record(anything),
      reason: maybe(text(1000)),
      plan: maybe(digest),
    }),
  },
  "approval+jwt": {
    limit: 2 * 1024,
    claims: object({
      iss: did,
      aud: text(128),
      jti,
      iat: seconds,
      exp: seconds,
      op_jti: jti,
      op_digest: digest,
      decision: oneOf("approve", "reject"),
      plan: maybe(digest),
      policy_commit: commit,
      expected_state_version: count,
      comment: maybe(text(1000)),
    }),
  },
  "admission+jwt": {
    limit: 40 * 1024,
    claims: object({
      ...decided,
      op: compact,
      op_jti: jti,
      rule: text(64),
      basis: oneOf("auto", "approved", "unopposed", "break_glass"),
      decided_at: seconds,
    }),
  },
  "refusal+jwt": {
    limit: 40 * 1024,
    claims: object({
      ...decided,
      op: maybe(compact),
      op_jti: maybe(jti),
      code: text(64),
      rule: maybe(text(64)),
      fact: text(1000),
      nearest: maybe(record(anything)),
      consumes_seq: flag,
      decided_at: seconds,
    }),
  },
  "audit+jwt": {
    limit: 64 * 1024 - 1,
    claims: object({
      iss: did,
      aud: text(128),
      subject: text(/^(?:[0-9a-f-]{36}|sha256:[0-9a-f]{64})$/),
      basis: oneOf("admission", "refusal"),
      decision: compact,
      decision_digest: digest,
      outcome: oneOf("applied", "failed", "conflict", "expired", "refused"),
      code: maybe(text(64)),
      target: maybe(text(64)),
      state_version_before: maybe(count),
      state_version_after: maybe(count),
      workspace_revision: maybe(count),
      accepted_at: seconds,
      finished_at: seconds,
      evidence: record(anything),
    }),
  },
};

// --- 4. Signed objects: compact JWS ------------------------------------------------------------------------------------------

/** The verified claims of a token of this type, with its digest. */
function readToken(token, typ) {
  const { limit, claims } = TOKENS[typ];
  if (token.length > limit) fail(`a ${typ} of ${token.length} bytes is too large`);
  const parts = token.split(".");
  if (parts.length !== 3) fail("a compact JWS has three parts");
  const [header, payload, signature] = parts.map((part) => base64(part, "base64url"));
  const head = object({ alg: oneOf("EdDSA"), typ: oneOf(typ), kid: did })(strictJson(header), "header");
  const body = claims(strictJson(payload), typ);
  verifySignature(head.kid, Buffer.from(`${parts[0]}.${parts[1]}`, "ascii"), signature);
  same("issuer", body.iss, head.kid);
  return { ...body, token_digest: digestOf(token) };
}

/** The audit record with everything that it carries, every signature verified. */
function readRecord(token, rules) {
  const audit = readToken(token, "audit+jwt");
  same("signer of the record", audit.iss, rules.controller);
  same("audience of the record", audit.aud, rules.audience);
  same("digest of the decision", digestOf(audit.decision), audit.decision_digest);
  const decision = readToken(audit.decision, `${audit.basis}+jwt`);
  same("audience of the decision", decision.aud, audit.aud);
  const op = decision.op === undefined ? undefined : readToken(decision.op, "op+jwt");
  const approvals = op === undefined ? [] : decision.approvals.map((each) => readToken(each, "approval+jwt"));
  if (op !== undefined) {
    same("digest of the op", op.token_digest, decision.op_digest);
    if (audit.target !== undefined) same("target of the record", audit.target, op.target);
    for (const approval of approvals) {
      same("op of an approval", approval.op_digest, op.token_digest);
      same("op of an approval", approval.op_jti, op.jti);
    }
  }
  if (audit.basis === "admission") {
    same("audience of the op", op.aud, audit.aud);
    same("jti of the op", op.jti, decision.op_jti);
    const isReuse = audit.outcome === "refused" && audit.code === "jti_reused";
    same("subject", audit.subject, isReuse ? decision.op_digest : decision.op_jti);
  } else {
    if (audit.outcome !== "refused" && audit.outcome !== "expired") fail(`a refused op has the outcome ${audit.outcome}`);
    if (audit.subject !== decision.op_jti && audit.subject !== decision.op_digest) fail("record and refusal do not name the same op");
    if (op === undefined && decision.consumes_seq) fail("a refusal without an op cannot consume a number");
    if (op !== undefined && decision.op_jti !== undefined) same("jti of the op", op.jti, decision.op_jti);
  }
  return { audit, decision, op, approvals };
}

// --- 5. The ledger: identity, checkpoint, inclusion --------------------------------------------------------------------------

/** Radicle's canonical JSON: keys sorted by bytes, strings in NFC, no white space. */
function radicleJson(value) {
  if (typeof value === "string") return JSON.stringify(value.normalize("NFC"));
  if (Array.isArray(value)) return `[${value.map(radicleJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => [Buffer.from(key.normalize("NFC")), member]);
  members.sort(([a], [b]) => Buffer.compare(a, b));
  return `{${members.map(([key, member]) => `${JSON.stringify(key.toString())}:${radicleJson(member)}`).join(",")}}`;
}

/** Who writes the ledger: its id is the hash of its first identity document, whose only delegate is the ops-controller. */
function readIdentity(stateRid, document) {
  const bytes = Buffer.from(document, "utf8");
  const blob = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest();
  if (!base58(rid(stateRid, "the ledger's id").slice("rad:z".length), 20).equals(blob)) fail(`the document is not that of ${stateRid}`);
  const value = strictJson(bytes);
  if (radicleJson(value) !== document) fail("the identity document is not canonical");
  const project = value.payload?.["xyz.radicle.project"];
  if (!Array.isArray(value.delegates) || value.delegates.length !== 1 || value.threshold !== 1) fail("there is not exactly one delegate");
  const controller = did(value.delegates[0]);
  text(/^[A-Za-z0-9._-]{1,255}$/)(project?.name, "the repository's name");
  text(255)(project.description, "the description");
  const branch = text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)(project.defaultBranch, "the branch");
  if (branch.includes("..") || branch.endsWith(".lock")) fail("the branch is malformed");
  if (!/.-state$/.test(project.name)) fail(`${project.name} is not the name of a state repository`);
  return { controller, workspace: project.name.slice(0, -"-state".length) };
}

/** JSON with sorted keys and no white space; what it is asked for has only texts, integers and objects. */
function canonical(value) {
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

/** Whose key signs from which record on: the founder's, then each that the one before it handed the ledger over to. */
function readTenures(tokens, founder, stateRid, workspace) {
  const tenures = [{ controller: founder, from: 0 }];
  for (const token of tokens) {
    const claims = readToken(token, "succession+jwt");
    const before = tenures.at(-1);
    same("key that hands over", claims.iss, before.controller);
    same("ledger of a succession", claims.state_rid, stateRid);
    if (!claims.aud.startsWith(`${workspace}/`)) fail(`a succession is for ${claims.aud}`);
    if (claims.size < before.from) fail("a succession goes back");
    if (tenures.some(({ controller }) => controller === claims.to)) fail(`${claims.to} had its turn before`);
    const { accepted, ...said } = strictJson(base64(token.split(".")[1], "base64url"));
    const bytes = Buffer.from(`triplane-succession-v1\n${canonical(Object.assign(Object.create(null), said))}`, "utf8");
    verifySignature(claims.to, bytes, base64(accepted, "base64url"));
    tenures.push({ controller: claims.to, from: claims.size });
  }
  return tenures;
}

/** A C2SP checkpoint in a C2SP signed note. */
function readCheckpoint(note, origin, controller) {
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) fail("it is not a signed note");
  const body = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > 16) fail("it has too many signatures");
  const keyId = sha256(`${origin}\n`, Buffer.of(0x01), publicKey(controller)).subarray(0, 4);
  const isSigned = lines.some((line) => {
    const [, signer, text64] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? fail("a signature line is malformed");
    const bytes = Buffer.from(text64, "base64");
    if (signer !== origin || bytes.toString("base64") !== text64 || !bytes.subarray(0, 4).equals(keyId)) return false;
    verifySignature(controller, Buffer.from(body, "utf8"), bytes.subarray(4));
    return true;
  });
  if (!isSigned) fail("the ops-controller did not sign it");
  const [first, size, root, time, ...rest] = body.slice(0, -1).split("\n");
  same("origin", first, origin);
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(size ?? "") || !/^time (?:0|[1-9][0-9]{0,14})$/.test(time ?? "") || rest.length > 0)
    fail("its lines are not size, root and time");
  if (base64(root, "base64").length !== 32) fail("its root is not a SHA-256");
  return { size: Number(size), root };
}

const node = (left, right) => sha256(Buffer.of(1), left, right);

/** The root over `size` leaves of which this is number `index`; takes the hashes that it needs from the end of `proof`. */
function rootOf(leaf, index, size, proof) {
  if (size === 1) return leaf;
  let left = 1;
  while (left * 2 < size) left *= 2;
  const sibling = proof.pop() ?? fail("the proof is too short");
  return index < left ? node(rootOf(leaf, index, left, proof), sibling) : node(sibling, rootOf(leaf, index - left, size - left, proof));
}

function checkInclusion({ index, proof }, entry, { size, root }) {
  if (index >= size) fail(`record ${index} is not among ${size}`);
  const rest = proof.map((hash) => base64(hash, "base64"));
  const found = rootOf(sha256(Buffer.of(0), entry), index, size, rest).toString("base64");
  if (rest.length > 0) fail("the proof is too long");
  same("root", found, root);
}

// --- 6. The policy's language: Nickel that is data ---------------------------------------------------------------------------

class Tag {
  constructor(tag, argument) {
    this.tag = tag;
    this.argument = argument;
  }
}

const LIMITS = { fileBytes: 1024 * 1024, totalBytes: 4 * 1024 * 1024, depth: 64, imports: 256, contracts: 16, mergedContracts: 64 };
const WORD = "_*[a-zA-Z][_a-zA-Z0-9'-]*";
const RESERVED = new Set("Dyn Number Bool String Array if then else forall in let rec match null true false fun import".split(" "));
const ESCAPES = { "'": "'", '"': '"', "\\": "\\", "%": "%", n: "\n", r: "\r", t: "\t" };

/** [type, text] of each token; types are "string", "multiline", "number", "word", "tag", "end", and each punctuation itself. */
function tokensOf(source) {
  const tokens = [];
  let at = 0;
  const stick = (pattern) => {
    const sticky = new RegExp(pattern, "y");
    sticky.lastIndex = at;
    const found = sticky.exec(source);
    at += found?.[0].length ?? 0;
    return found;
  };
  const lineBreak = () => (stick(/\r\n/) ? "\n" : fail("a carriage return without a line feed"));
  const escaped = () => {
    const [, plain, ascii, unicode] = stick(/\\(?:(['"\\%nrt])|x([0-7][0-9A-Fa-f])|u\{([0-9A-Fa-f]{1,6})\})/) ?? fail("an unknown escape");
    if (plain !== undefined) return ESCAPES[plain];
    const code = Number.parseInt(ascii ?? unicode, 16);
    return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : fail("an unknown escape");
  };
  const standard = () => {
    for (let decoded = ""; ; ) {
      decoded += stick(/[^"%\\\r]*/)[0];
      const head = source[at];
      if (stick(/"/)) return decoded;
      if (head === "\\") decoded += escaped();
      else if (head === "\r") decoded += lineBreak();
      else if (stick(/%(?!\{)/)) decoded += "%";
      else fail("a string that computes or does not end");
    }
  };
  const multiline = (percents) => {
    for (let decoded = ""; ; ) {
      decoded += stick(/[^"%\r]*/)[0];
      if (source[at] === "\r") {
        decoded += lineBreak();
        continue;
      }
      const [run, quote, signs] = stick(/("?)(%*)/);
      if (run === "") fail("a string does not end");
      if (signs.length >= percents && source[at] === "{") fail("a string that computes");
      else if (quote === '"' && source[at] !== "{" && signs.length === percents) return stripIndent(decoded);
      else if (quote === '"' && source[at] !== "{" && signs.length > percents) fail("a string is closed with too many %");
      decoded += run;
    }
  };
  for (;;) {
    stick(/(?:[ \t\n]|\r\n|#[^\n]*)*/);
    if (at === source.length) return [...tokens, ["end", ""]];
    let found = stick(/m(%+)"/);
    if (found) tokens.push(["multiline", multiline(found[1].length)]);
    else if (stick(/'"/)) tokens.push(["tag", standard()]);
    else if (stick(/"/)) tokens.push(["string", standard()]);
    else if (stick(/'m%+"|[a-zA-Z][_a-zA-Z0-9'-]*-s%+"/)) fail("a symbolic string");
    else {
      found =
        stick(`'(?<tag>${WORD})|(?<number>0x[0-9A-Fa-f]+|0o[0-7]+|0b[01]+|[0-9]*\\.?[0-9]+(?:[eE][+-]?[0-9]+)?)|(?<word>${WORD})`) ??
        stick(/(?<sign>\[\||\|\]|\.\.|[{}[\](),:=&.|_-])/) ??
        fail(`${JSON.stringify(source[at])} is not data`);
      const [[type, token]] = Object.entries(found.groups).filter(([, each]) => each !== undefined);
      tokens.push([type === "sign" ? token : type, token]);
    }
  }
}

function stripIndent(decoded) {
  const lines = decoded.split("\n");
  const indent = (line) => /^[ \t]*/.exec(line)[0].length;
  const isBlank = (line) => indent(line) === line.length;
  const least = Math.min(...lines.filter((line) => !isBlank(line)).map(indent));
  const cut = lines.map((line) => line.slice(Math.min(least, indent(line))));
  if (cut.length > 1 && isBlank(cut[0])) cut.shift();
  if (cut.length > 1 && isBlank(cut[cut.length - 1])) cut.pop();
  return cut.join("\n");
}

/** A literal's value, where showing it again gives the same decimal. */
function exactNumber(literal) {
  const value = Number(literal);
  const normal = (decimal) => {
    const [mantissa, exponent = "0"] = decimal.toLowerCase().split("e");
    const [whole, fraction = ""] = mantissa.split(".");
    const all = (whole + fraction).replace(/^0+/, "");
    const digits = all.replace(/0+$/, "");
    return digits === "" ? "0" : `${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
  };
  const exact = /^0[xob]/.test(literal) ? Number.isSafeInteger(value) : Number.isFinite(value) && normal(literal) === normal(String(value));
  return exact ? value : fail(`${literal} cannot be kept exactly`);
}

/** Tokens to nodes: what is written, not yet merged, imported or checked. */
class Parser {
  constructor(source) {
    this.tokens = tokensOf(source);
    this.next = 0;
    this.depth = 0;
  }

  at(type, word) {
    const [found, token] = this.tokens[this.next];
    return found === type && (word === undefined || word === token);
  }

  take(type, word) {
    if (!this.at(type, word)) return undefined;
    this.next += 1;
    return this.tokens[this.next - 1][1];
  }

  expect(type) {
    return this.take(type) ?? fail(`${type} was expected, ${this.tokens[this.next].join(" ")} found`);
  }

  nested(read) {
    this.depth += 1;
    if (this.depth > LIMITS.depth) fail("nested too deep");
    const result = read();
    this.depth -= 1;
    return result;
  }

  file() {
    const value = this.term();
    this.expect("end");
    return value;
  }

  term() {
    return this.nested(() => {
      if (this.take("word", "import") !== undefined) return { kind: "import", path: this.expect("string") };
      const operands = [];
      do operands.push(this.operand());
      while (this.take("&") !== undefined);
      const value = operands.length === 1 ? operands[0] : { kind: "merge", operands };
      const { contracts } = this.annotations(false);
      return contracts.length === 0 ? value : { kind: "annotated", value, contracts };
    });
  }

  operand() {
    if (this.take("-") !== undefined) return { kind: "scalar", value: 0 - exactNumber(this.expect("number")) };
    const tag = this.take("tag");
    if (tag === undefined) return this.atom();
    const [follows] = this.tokens[this.next + 1] ?? [];
    // A text or a word before `=` or `|` is the next field after a forgotten comma.
    const isNextField = (this.at("string") || this.at("multiline") || this.at("word")) && (follows === "=" || follows === "|");
    const hasArgument = !isNextField && ["{", "[", "(", "string", "multiline", "number", "tag", "word"].some((type) => this.at(type));
    return hasArgument ? { kind: "tag", tag, argument: this.nested(() => this.atom()) } : { kind: "tag", tag };
  }

  atom() {
    const string = this.take("string") ?? this.take("multiline");
    if (string !== undefined) return { kind: "scalar", value: string };
    if (this.at("number")) return { kind: "scalar", value: exactNumber(this.take("number")) };
    if (this.at("tag")) return { kind: "tag", tag: this.take("tag") };
    for (const [word, value] of [
      ["null", null],
      ["true", true],
      ["false", false],
    ])
      if (this.take("word", word) !== undefined) return { kind: "scalar", value };
    if (this.take("(") !== undefined) {
      const value = this.term();
      this.expect(")");
      return value;
    }
    if (this.take("[") !== undefined) return { kind: "array", items: this.many("]", () => this.term()) };
    this.expect("{");
    return { kind: "record", fields: this.many("}", () => this.field()) };
  }

  /** Up to the closing sign, with commas between and perhaps after; `..` ends a record. */
  many(closing, read) {
    const items = [];
    while (!this.at(closing)) {
      if (closing === "}" && this.take("..") !== undefined) break;
      items.push(read());
      if (this.take(",") === undefined) break;
    }
    this.expect(closing);
    return items;
  }

  field() {
    const path = [this.fieldName()];
    while (this.take(".") !== undefined) path.push(this.nested(() => this.fieldName()));
    const metadata = this.annotations(true);
    return { path, metadata, value: this.take("=") === undefined ? undefined : this.term() };
  }

  fieldName() {
    const token =
      this.take("string") ?? this.take("multiline") ?? (RESERVED.has(this.tokens[this.next][1]) ? undefined : this.take("word"));
    return token === undefined || token === "__proto__" ? fail("a field's name was expected") : token;
  }

  annotations(onField) {
    const found = { contracts: [], priority: 0, optional: false, hidden: false };
    for (;;) {
      const isType = this.take(":") !== undefined;
      if (!isType && this.take("|") === undefined) return found;
      const word = onField && !isType && this.at("word") ? this.tokens[this.next][1] : undefined;
      if (["default", "force", "priority", "optional", "not_exported", "doc"].includes(word)) this.take("word");
      if (word === "default") found.priority = Number.NEGATIVE_INFINITY;
      else if (word === "force") found.priority = Number.POSITIVE_INFINITY;
      else if (word === "priority")
        found.priority = this.take("-") === undefined ? exactNumber(this.expect("number")) : -exactNumber(this.expect("number"));
      else if (word === "optional") found.optional = true;
      else if (word === "not_exported") found.hidden = true;
      else if (word === "doc") this.take("string") ?? this.expect("multiline");
      else {
        found.contracts.push(this.contract(isType));
        if (found.contracts.length > LIMITS.contracts) fail("too many contracts on a value");
      }
    }
  }

  contract(isType) {
    return this.nested(() => {
      if (this.take("word", "Array") === undefined) return this.contractAtom(isType);
      return { kind: "array", item: this.contractAtom(isType) };
    });
  }

  contractAtom(isType) {
    if (!isType && this.take("word", "Dyn") !== undefined) return { kind: "dyn" };
    for (const word of ["Number", "String", "Bool"]) if (this.take("word", word) !== undefined) return { kind: word };
    if (this.take("(") !== undefined) {
      const inner = this.contract(isType);
      this.expect(")");
      return inner;
    }
    if (this.take("[|") !== undefined) {
      const rows = this.many("|]", () => {
        const tag = this.expect("tag");
        return { tag, argument: this.at(",") || this.at("|]") ? undefined : this.nested(() => this.contractAtom(isType)) };
      });
      return { kind: "enum", rows };
    }
    this.expect("{");
    if (this.take("_") !== undefined) {
      if (this.take(":") === undefined) this.expect("|");
      const item = this.contract(isType);
      this.expect("}");
      return { kind: "dict", item };
    }
    const fields = this.many("}", () => {
      const field = { name: this.fieldName(), ...this.annotations(true) };
      const mixed = isType && (field.optional || field.contracts.length !== 1);
      return mixed || field.priority !== 0 || field.hidden ? fail("a contract that does more than check") : field;
    });
    const open = this.tokens[this.next - 2][0] === "..";
    if (new Set(fields.map((field) => field.name)).size !== fields.length || (isType && open)) fail("an unknown contract");
    return { kind: "record", fields, open };
  }
}

function checkContract(contract, value) {
  const demand = (holds) => holds || fail(`a value breaks its contract: ${contract.kind}`);
  const scalar = value.kind === "scalar" ? typeof value.value : undefined;
  switch (contract.kind) {
    case "Number":
    case "String":
      demand(scalar === contract.kind.toLowerCase());
      break;
    case "Bool":
      demand(scalar === "boolean");
      break;
    case "array":
      demand(value.kind === "array");
      for (const item of value.items) checkContract(contract.item, item);
      break;
    case "dict":
      demand(value.kind === "record");
      for (const field of value.fields.values()) if (field.value !== undefined) checkContract(contract.item, field.value);
      break;
    case "enum": {
      demand(value.kind === "tag");
      const hasArgument = value.argument !== undefined;
      const row = contract.rows.find((each) => each.tag === value.tag && (each.argument !== undefined) === hasArgument);
      demand(row !== undefined);
      if (hasArgument) checkContract(row.argument, value.argument);
      break;
    }
    case "record": {
      demand(value.kind === "record");
      const present = new Map([...value.fields].filter(([, field]) => field.value !== undefined));
      for (const expected of contract.fields) {
        const field = present.get(expected.name);
        demand(field !== undefined || expected.optional);
        if (field !== undefined) for (const inner of expected.contracts) checkContract(inner, field.value);
        present.delete(expected.name);
      }
      demand(contract.open || present.size === 0);
    }
  }
}

function merge(left, right) {
  if (left.annotated || right.annotated) fail("a value with a contract on the whole of it is merged");
  if (left.kind === "record" && right.kind === "record") {
    for (const [key, field] of right.fields) addField(left.fields, key, field);
    return left;
  }
  if (left.kind === "tag" && right.kind === "tag" && left.tag === right.tag && left.argument && right.argument)
    return { ...left, argument: merge(left.argument, right.argument) };
  return isSame(left, right) ? left : fail("values cannot be merged");
}

function addField(fields, key, right) {
  const left = fields.get(key);
  if (left === undefined) return void fields.set(key, right);
  const contracts = [...left.contracts, ...right.contracts];
  if (contracts.length > LIMITS.mergedContracts && right.contracts.length > 0) fail("too many contracts on a field");
  const rest = { optional: left.optional && right.optional, hidden: left.hidden || right.hidden, contracts };
  const winner =
    right.value === undefined || (left.value !== undefined && left.priority > right.priority)
      ? left
      : left.value === undefined || right.priority > left.priority
        ? right
        : { priority: left.priority, value: merge(left.value, right.value) };
  return void fields.set(key, { ...rest, priority: winner.priority, value: winner.value });
}

function isSame(left, right) {
  if (left?.kind !== right?.kind) return false;
  if (left === undefined) return true;
  if (left.kind === "scalar") return left.value === right.value;
  if (left.kind === "tag") return left.tag === right.tag && isSame(left.argument, right.argument);
  if (left.kind === "array")
    return left.items.length === right.items.length && left.items.every((item, at) => isSame(item, right.items[at]));
  return [...left.fields.keys(), ...right.fields.keys()].every((key) => isSame(left.fields.get(key)?.value, right.fields.get(key)?.value));
}

/** The value of a file among files, with what it imports, merged and checked; enum tags are `Tag`. */
export function readNickel(entry, files) {
  const open = [];
  let imports = 0;
  let bytes = 0;
  const file = (path, depth) => {
    const source = files.get(path) ?? fail(`there is no file ${path}`);
    const size = Buffer.byteLength(source, "utf8");
    bytes += size;
    if (size > LIMITS.fileBytes || bytes > LIMITS.totalBytes) fail("the policy is too large");
    open.push(path);
    const value = resolve(path.endsWith(".json") ? jsonFile(source) : new Parser(source).file(), depth);
    open.pop();
    return value;
  };
  const follow = (written, depth) => {
    if (!/\.(?:ncl|json)$/.test(written) || /^\/|^[A-Za-z]:|[\\\0]/.test(written))
      fail(`the import ${JSON.stringify(written)} is not allowed`);
    const path = open[open.length - 1].split("/").slice(0, -1);
    for (const step of written.split("/"))
      if (step === "..") path.pop() ?? fail("an import leaves the folder");
      else if (step !== "" && step !== ".") path.push(step);
    imports += 1;
    if (open.includes(path.join("/")) || imports > LIMITS.imports) fail("imports go in a circle, or are too many");
    return file(path.join("/"), depth + 1);
  };
  const resolve = (part, depth) => {
    if (depth > LIMITS.depth) fail("nested too deep");
    if (part.kind === "import") return follow(part.path, depth);
    if (part.kind === "merge") return part.operands.map((operand) => resolve(operand, depth + 1)).reduce(merge);
    if (part.kind === "array") return { kind: "array", items: part.items.map((item) => resolve(item, depth + 1)) };
    if (part.kind === "tag") return { ...part, argument: part.argument && resolve(part.argument, depth + 1) };
    if (part.kind === "annotated") {
      const value = resolve(part.value, depth);
      for (const contract of part.contracts) checkContract(contract, value);
      return { ...value, annotated: true };
    }
    if (part.kind === "scalar") return part;
    const fields = new Map();
    for (const { path, metadata, value } of part.fields) {
      let inner = { ...metadata, value: value && resolve(value, depth + path.length) };
      for (const step of path.slice(1).reverse())
        inner = { contracts: [], priority: 0, optional: false, hidden: false, value: { kind: "record", fields: new Map([[step, inner]]) } };
      addField(fields, path[0], inner);
    }
    return { kind: "record", fields };
  };
  const finish = (value, depth) => {
    if (depth > LIMITS.depth) fail("nested too deep");
    if (value.kind === "scalar") return value.value;
    if (value.kind === "tag") return new Tag(value.tag, value.argument && finish(value.argument, depth + 1));
    if (value.kind === "array") return value.items.map((item) => finish(item, depth + 1));
    const members = Object.create(null);
    for (const [key, field] of value.fields) {
      if (field.value === undefined && !field.optional && !field.hidden) fail(`the field ${key} has no value`);
      if (field.value === undefined) continue;
      for (const contract of field.contracts) checkContract(contract, field.value);
      const member = finish(field.value, depth + 1);
      if (!field.hidden) members[key] = member;
    }
    return members;
  };
  return finish(file(entry, 0), 0);
}

/** An imported JSON file as nodes: no key twice, numbers exact, fractions allowed. */
function jsonFile(source) {
  let at = 0;
  const stick = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const take = (character) => {
    stick(/[ \t\r\n]*/y);
    if (source[at] !== character) return false;
    at += 1;
    return true;
  };
  const string = () => {
    stick(/[ \t\r\n]*/y);
    const [decoded, end] = jsonString(source, at);
    at = end;
    return decoded;
  };
  const items = (closing, read) => {
    const found = [];
    if (take(closing)) return found;
    do found.push(read());
    while (take(","));
    return take(closing) ? found : fail(`${closing} was expected`);
  };
  const value = (depth) => {
    if (depth > LIMITS.depth) fail("nested too deep");
    if (take("[")) return { kind: "array", items: items("]", () => value(depth + 1)) };
    if (take("{")) {
      const fields = items("}", () => {
        const key = string();
        if (key === "__proto__" || !take(":")) fail("a member was expected");
        return { path: [key], metadata: { contracts: [], priority: 0, optional: false, hidden: false }, value: value(depth + 1) };
      });
      return new Set(fields.map(({ path }) => path[0])).size === fields.length ? { kind: "record", fields } : fail("a key twice");
    }
    if (source[at] === '"') return { kind: "scalar", value: string() };
    const word = stick(/true|false|null/y);
    if (word !== "") return { kind: "scalar", value: JSON.parse(word) };
    const number = stick(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    const magnitude = exactNumber(number === "" ? fail("a value was expected") : number.replace("-", ""));
    return { kind: "scalar", value: number.startsWith("-") && magnitude !== 0 ? -magnitude : magnitude };
  };
  const result = value(1);
  stick(/[ \t\r\n]*/y);
  return at === source.length ? result : fail("something follows the value");
}

// --- 7. The policy -----------------------------------------------------------------------------------------------------------

const MANY = 1000;
const LONGEST_S = 31 * 24 * 3600;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const tagOf =
  (...tags) =>
  (value, at) =>
    value instanceof Tag && value.argument === undefined && tags.includes(value.tag)
      ? value.tag
      : fail(`${at} is none of ${tags.join(", ")}`);
const names = list(name, 0, MANY);
const groups = list(name, 0, 50);
const didList = list(did, 1, 16);
const clockTime = text(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/);
const kindGlobs = list(text(/^[a-z0-9.*-]{1,64}$/), 1, MANY);
const targetGlobs = list(text(/^[a-z0-9*-]{1,64}$/), 1, MANY);
const issuer = text(/^(?:(?:group:)?[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?|any:(?:operator|automation|agent))$/);
const ruleId = text(/^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/);
const imageRepository = text(
  /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?(?:\/[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?){0,8}(?:\/\*)?$/,
);
const matcher = {
  id: ruleId,
  kinds: kindGlobs,
  targets: targetGlobs,
  issuers: maybe(list(issuer, 1, MANY)),
};
const zone = text(/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/);
const windows = maybe(list(object({ days: list(tagOf(...WEEKDAYS), 1, 7), from: clockTime, to: clockTime, zone }), 1, 50));
const date = text(/^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9])?$/);
const dates = maybe(list(object({ from: date, until: date, zone }), 1, 50));
const pin = object({ rid, root: commit });
const listed = (members, most = MANY) => maybe(list(object(members), 0, most), []);
const operatorMembers = {
  principal: name,
  keys: didList,
  groups,
  scopes: names,
  may: list(tagOf("Approve", "Admit"), 0, 2),
  break_glass_keys: maybe(didList),
};
const budget = object({ ops: int(1, MANY), window_s: int(1, LONGEST_S) });
const instant = (value, at) =>
  Number.isNaN(Date.parse(text(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/)(value, at))) ? fail(`${at} is no time`) : value;
const why = (value, at) => text(500)(value, at) || fail(`${at} is empty`);

const asked = { approvals: int(1, MAX_APPROVALS), groups: list(name, 1, 50) };

const policyShape = object({
  version: oneOf(1),
  workspace: name,
  policy_version: int(1),
  limits: object({
    max_lifetime_s: int(1, LONGEST_S),
    clock_skew_s: int(0, 30),
    max_approval_s: maybe(int(1, LONGEST_S)),
    quorum: maybe(int(1, MAX_APPROVALS)),
    max_policy_age_s: maybe(int(10, LONGEST_S)),
  }),
  operators: list(object(operatorMembers), 1, MANY),
  automations: listed({ principal: name, keys: didList, scopes: names }),
  agents: listed({ principal: name, keys: didList, owner: name, scopes: names, expires: maybe(instant), budget }),
  keepers: listed({ name, keys: didList }, 50),
  scopes: list(object({ name, kinds: kindGlobs, targets: targetGlobs }), 1, MANY),
  deny: listed({ ...matcher, windows, dates, why }),
  review: listed({
    ...matcher,
    approvals: maybe(asked.approvals),
    groups: maybe(asked.groups),
    quorums: maybe(list(object(asked), 1, MAX_APPROVALS)),
    open_s: maybe(int(1, LONGEST_S)),
  }),
  unopposed: listed({ ...matcher, wait_s: int(1, LONGEST_S), groups: asked.groups, approvals: maybe(asked.approvals) }),
  break_glass: listed({ ...matcher, ratify_within_s: int(60, LONGEST_S) }),
  ratified: maybe(list(jti, 0, MANY), []),
  auto_sign: listed({ ...matcher, windows, rate: maybe(object({ max: int(1, MANY), window_s: int(1, LONGEST_S) })) }),
  image_updates: listed({
    id: ruleId,
    automations: list(name, 1, 50),
    targets: targetGlobs,
    settings: list(text(/^[a-z][a-z0-9_]{0,31}$/), 1, 50),
    images: list(imageRepository, 1, MANY),
    approvals: int(0, MAX_APPROVALS),
    max_ahead: int(1, 100),
  }),
  pins: object({ desired: pin, state: pin, controller: did }),
});

function distinct(values, what) {
  if (new Set(values).size !== values.length) fail(`${what} twice`);
}

/** What a review rule asks for: { approvals, groups } of each quorum. */
function quorumsOf({ id, approvals, groups, quorums }) {
  const isShort = approvals !== undefined && groups !== undefined;
  if (quorums === undefined) return isShort ? [{ approvals, groups }] : fail(`${id} asks nobody`);
  return approvals === undefined && groups === undefined ? quorums : fail(`${id} asks in two ways`);
}

const seats = (quorums) => quorums.reduce((total, { approvals }) => total + approvals, 0);
const isIn = (operator, quorum) => operator.groups.some((group) => quorum.groups.includes(group));

/** Hall's theorem: every seat can be taken by somebody else, if for each choice of quorums as many people fit as it has seats. */
function canFill(quorums, people) {
  for (let choice = 1; choice < 2 ** quorums.length; choice += 1) {
    const chosen = quorums.filter((_, index) => (choice >> index) & 1);
    if (people.filter((person) => chosen.some((quorum) => isIn(person, quorum))).length < seats(chosen)) return false;
  }
  return true;
}

function readPolicy(files) {
  const policy = policyShape(readNickel("keeper_policy.ncl", files), "the policy");
  const { operators, automations, agents, keepers, scopes, deny, review, unopposed, auto_sign: autoSign, limits } = policy;
  const holders = [...operators, ...automations, ...agents, ...keepers];
  distinct(
    holders.map((holder) => holder.principal ?? holder.name),
    "a principal",
  );
  const sealedKeys = operators.flatMap((operator) => operator.break_glass_keys ?? []);
  distinct([...holders.flatMap((holder) => holder.keys), ...sealedKeys, policy.pins.controller], "a key");
  distinct(
    scopes.map((scope) => scope.name),
    "a scope",
  );
  const { break_glass: breakGlass } = policy;
  const rules = [...deny, ...review, ...unopposed, ...breakGlass, ...autoSign];
  if (breakGlass.length > 0 && sealedKeys.length === 0) fail("nobody has a key that breaks the glass");
  const { image_updates: imageUpdates } = policy;
  distinct(["default", "budget", "admitter", "sealed-key", ...[...rules, ...imageUpdates].map((rule) => rule.id)], "a rule's id");
  for (const rule of imageUpdates) {
    for (const each of rule.automations)
      if (!automations.some(({ principal }) => principal === each)) fail(`there is no automation ${each}`);
    if (rule.approvals > operators.length) fail(`${rule.id} can never be met`);
  }
  const issuers = new Set([...operators, ...automations, ...agents].map((holder) => holder.principal));
  const groupNames = new Set(operators.flatMap((operator) => operator.groups));
  for (const holder of [...operators, ...automations, ...agents])
    for (const scope of holder.scopes) if (!scopes.some((each) => each.name === scope)) fail(`there is no scope ${scope}`);
  for (const agent of agents) if (!operators.some((each) => each.principal === agent.owner)) fail(`there is no operator ${agent.owner}`);
  for (const wanted of rules.flatMap((rule) => rule.issuers ?? [])) {
    const isKnown = wanted.startsWith("group:") ? groupNames.has(wanted.slice("group:".length)) : issuers.has(wanted);
    if (!wanted.startsWith("any:") && !isKnown) fail(`nobody is ${wanted}`);
  }
  const approvers = operators.filter((operator) => operator.may.includes("Approve"));
  for (const rule of review) {
    const quorums = quorumsOf(rule);
    if (quorums.some((quorum) => quorum.groups.some((group) => !groupNames.has(group)))) fail(`${rule.id} names a group that nobody is in`);
    if (seats(quorums) > MAX_APPROVALS || !canFill(quorums, approvers)) fail(`${rule.id} can never be met`);
    if (seats(quorums) < (limits.quorum ?? 1)) fail(`${rule.id} asks for fewer people than the limits do`);
  }
  for (const { id, groups: objectors, approvals = 1 } of unopposed) {
    if (objectors.some((group) => !groupNames.has(group))) fail(`${id} names a group that nobody is in`);
    if (approvers.filter((operator) => isIn(operator, { groups: objectors })).length < approvals)
      fail(`too few people may object to ${id}`);
  }
  const sum = (of) => of.reduce((total, rule) => total + seats(quorumsOf(rule)), 0);
  const general = review.filter((rule) => rule.kinds.includes("*") && rule.targets.includes("*"));
  if (review.length > 1 && Math.min(sum(review), approvers.length) > MAX_APPROVALS && sum(general) > MAX_APPROVALS)
    fail("too many approvals");
  for (const window of rules.flatMap((rule) => rule.windows ?? [])) {
    clockIn(window.zone, 0);
    distinct(window.days, "a day");
    if (window.from === "24:00") fail("a day begins at 00:00");
  }
  for (const range of deny.flatMap((rule) => rule.dates ?? [])) {
    clockIn(range.zone, 0);
    const [from, end] = minutesOf(range);
    if (end <= from) fail("dates end before they begin");
  }
  return policy;
}

/** Where a range of dates begins and ends, in minutes since 1970 on the zone's clock. */
function minutesOf(range) {
  const [from, until] = [range.from, range.until].map((written) => {
    const time = new Date(`${written.slice(0, 10)}T00:00:00Z`);
    if (Number.isNaN(time.getTime()) || time.toISOString().slice(0, 10) !== written.slice(0, 10)) fail(`there is no day ${written}`);
    return time.getTime() / 60000 + Number(written.slice(11, 13)) * 60 + Number(written.slice(14, 16));
  });
  return [from, range.until.length === 10 ? until + 1440 : until];
}

/**
 * Begun once the clock has shown the beginning, and over once it shows the end for the last time: minute by minute around the moment,
 * because a clock that is put back (by three hours at most) shows times twice.
 */
function isDated(range, timeS) {
  const [from, end] = minutesOf(range);
  const clock = (ahead) => {
    const shown = new Date((timeS + ahead * 60) * 1000).toLocaleString("sv-SE", { timeZone: range.zone });
    return Date.parse(`${shown.slice(0, 16).replace(" ", "T")}:00Z`) / 60000;
  };
  const now = clock(0);
  if (now < from - 180 || now >= end + 180) return false;
  const near = Array.from({ length: 180 }, (_, minute) => minute + 1);
  const hasBegun = now >= from || near.some((minute) => clock(-minute) >= from);
  return hasBegun && (now < end || near.some((minute) => clock(minute) <= end));
}

/** Day of the week from Monday, and minutes since midnight, on the wall clock of a zone. */
function clockIn(timeZone, timeS) {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const parts = Object.fromEntries(format.formatToParts(new Date(timeS * 1000)).map(({ type, value }) => [type, value]));
  return { day: WEEKDAYS.indexOf(parts.weekday), minute: Number(parts.hour) * 60 + Number(parts.minute) };
}

function isOpen(window, timeS) {
  const { day, minute } = clockIn(window.zone, timeS);
  const [from, to] = [window.from, window.to].map((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3)));
  const today = window.days.includes(WEEKDAYS[day]);
  if (from < to) return today && minute >= from && minute < to;
  return (today && minute >= from) || (window.days.includes(WEEKDAYS[(day + 6) % 7]) && minute < to);
}

/** `*` is any run of characters; the leftmost fit of each piece is as good as any. */
function matchesGlob(glob, value) {
  const [first, ...pieces] = glob.split("*");
  if (pieces.length === 0) return value === glob;
  if (!value.startsWith(first)) return false;
  const last = pieces.pop();
  let at = first.length;
  for (const piece of pieces) {
    const found = value.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at + last.length <= value.length && value.endsWith(last);
}

// --- 8. The decision ---------------------------------------------------------------------------------------------------------

function holderOf(policy, key) {
  const sealed = policy.operators.find((operator) => operator.break_glass_keys?.includes(key));
  if (sealed !== undefined) return { ...sealed, role: "break_glass", person: sealed.principal };
  const lists = { operator: policy.operators, automation: policy.automations, agent: policy.agents, keeper: policy.keepers };
  for (const [role, holders] of Object.entries(lists))
    for (const holder of holders)
      if (holder.keys.includes(key))
        return { role, principal: holder.principal ?? holder.name, person: holder.owner ?? holder.principal, ...holder };
  return undefined;
}

/** The code of what is wrong with the times of an op or an approval at a moment, or undefined. */
function wrongTimes({ iat, nbf, exp }, nowS, policy, longest = policy.limits.max_lifetime_s) {
  const skew = policy.limits.clock_skew_s;
  if (exp - iat > longest || exp <= iat) return "lifetime_too_long";
  if (iat > nowS + skew) return "clock_skew";
  if (nbf !== undefined && nbf > nowS + skew) return "token_not_yet_valid";
  return exp <= nowS - skew ? "token_expired" : undefined;
}

/** What the policy says: { verdict: "admit", basis, rule }, { verdict: "review" } or { verdict: "refuse", code, rule }. */
function decide(input) {
  const { op, policy, policyRid, approvals, facts: counted, nowS, admittedBy, breaksGlass } = input;
  const refuse = (code, rule) => ({ verdict: "refuse", code, rule });
  const [workspace] = op.aud.split("/");
  if (workspace !== policy.workspace || !op.aud.includes("/")) return refuse("workspace_mismatch");
  if (op.aud !== `${policy.workspace}/${policyRid}`) return refuse("aud_mismatch");
  const by = holderOf(policy, op.iss);
  if (by === undefined) return refuse("kid_unknown");
  const openSince = counted.open_since ?? nowS;
  if (openSince > nowS) return refuse("clock_skew");
  const timing = wrongTimes(op, openSince, policy);
  if (timing !== undefined) return refuse(timing);
  const timingNow = wrongTimes(op, nowS, policy);
  const admitter = admittedBy && holderOf(policy, admittedBy);
  if (admittedBy && (!admitter?.may?.includes("Admit") || admitter.principal === by.person)) return refuse("policy_denied", "admitter");
  const isSealed = by.role === "break_glass";
  if (isSealed !== breaksGlass || (breaksGlass && (approvals.length > 0 || Object.values(counted).some((fact) => fact !== undefined))))
    return refuse("policy_denied", "sealed-key");

  const covers = (rule) => rule.kinds.some((glob) => matchesGlob(glob, op.op)) && rule.targets.some((glob) => matchesGlob(glob, op.target));
  const scope = policy.scopes.find((each) => each.name === op.scope && (by.scopes ?? []).includes(each.name));
  if (scope === undefined || !covers(scope)) return refuse("scope_exceeded", op.scope);
  const isIssuer = (wanted) =>
    wanted === `any:${isSealed ? "operator" : by.role}` ||
    wanted === by.principal ||
    ((by.role === "operator" || isSealed) && by.groups.some((group) => wanted === `group:${group}`));
  const matches = (rule) =>
    covers(rule) &&
    (rule.issuers?.some(isIssuer) ?? true) &&
    (rule.windows?.some((window) => isOpen(window, nowS)) ?? true) &&
    (rule.dates?.some((range) => isDated(range, nowS)) ?? true);

  const denied = policy.deny.find(matches);
  if (denied !== undefined) return refuse("policy_denied", denied.id);
  if (by.role === "agent" && by.expires !== undefined && nowS >= Date.parse(by.expires) / 1000)
    return refuse("policy_denied", "agent.expires");
  if (by.role === "agent" && !(counted.budget_used < by.budget.ops)) return refuse("policy_denied", "budget");
  const forThisOp = approvals.filter(
    (each) =>
      each.aud === op.aud &&
      each.op_jti === op.jti &&
      each.op_digest === op.token_digest &&
      wrongTimes({ ...each, nbf: undefined }, nowS, policy, policy.limits.max_approval_s) === undefined,
  );
  const isOwn = (voter) =>
    voter !== undefined && (voter.principal === by.principal || (voter.role === "operator" && voter.principal === by.person));
  if (forThisOp.some((each) => each.decision === "reject" && isOwn(holderOf(policy, each.iss)))) return refuse("op_withdrawn");
  if (breaksGlass) {
    const rule = policy.break_glass.find(matches);
    return rule === undefined ? refuse("policy_denied", "default") : { verdict: "admit", basis: "break_glass", rule: rule.id };
  }
  const reviews = policy.review.filter(matches);
  if (reviews.length > 0) {
    // People are asked until the first of the rules no longer does; where one does not say, the op has to be valid now.
    const openFor = (rule) => rule.open_s ?? Number.POSITIVE_INFINITY;
    const [first] = [...reviews].sort((a, b) => openFor(a) - openFor(b) || 0);
    const closes = openSince + openFor(first);
    const votes = tally(forThisOp, reviews.map(quorumsOf), input, by.person, admitter, closes + policy.limits.clock_skew_s);
    if (votes.isRejected) return refuse("review_rejected", reviews[0].id);
    if (reviews.some((rule) => rule.open_s === undefined) && timingNow !== undefined) return refuse(timingNow);
    if (votes.isMet) return { verdict: "admit", basis: "approved", rule: reviews[0].id };
    return nowS < closes ? { verdict: "review" } : refuse("review_expired", first.id);
  }
  const unopposed = policy.unopposed.filter(matches);
  if (unopposed.length > 0) {
    const runsAt = unopposed.map((rule) => openSince + rule.wait_s);
    const isEarly = unopposed.map(({ approvals: wanted, groups: objectors }) => {
      const early = { approvals: wanted ?? 1, groups: objectors };
      return wanted !== undefined && tally(forThisOp, [[early]], input, by.person, admitter, Number.POSITIVE_INFINITY).isMet;
    });
    const speakers = unopposed.map(({ groups: objectors }) => [{ approvals: 1, groups: objectors }]);
    if (tally(forThisOp, speakers, input, by.person, admitter, 0).isRejected) return refuse("review_rejected", unopposed[0].id);
    if (unopposed.some((_, index) => !isEarly[index] && nowS < runsAt[index])) return { verdict: "review" };
    if (nowS >= Math.max(...runsAt) + policy.limits.max_lifetime_s) return refuse("review_expired", unopposed[0].id);
    return { verdict: "admit", basis: isEarly.every(Boolean) ? "approved" : "unopposed", rule: unopposed[0].id };
  }
  if (timingNow !== undefined) return refuse(timingNow);
  const isBelowRate = (rule) =>
    rule.rate === undefined ||
    (counted.recent_auto !== undefined && (Object.hasOwn(counted.recent_auto, rule.id) ? counted.recent_auto[rule.id] : 0) < rule.rate.max);
  const auto = policy.auto_sign.find((rule) => matches(rule) && isBelowRate(rule));
  return auto === undefined ? refuse("policy_denied", "default") : { verdict: "admit", basis: "auto", rule: auto.id };
}

/** People are counted, never keys, and only those who may approve and did not ask. Nobody takes two seats of a rule; a person may count for two rules. */
function tally(approvals, asks, { op, policy, policyCommit }, issuingPerson, admitter, last) {
  const voters = new Map();
  let isRejected = false;
  for (const approval of approvals) {
    const voter = holderOf(policy, approval.iss);
    if (voter?.role !== "operator" || voter.principal === issuingPerson || !voter.may.includes("Approve")) continue;
    if (!asks.flat().some((quorum) => isIn(voter, quorum))) continue;
    const isStale =
      (op.plan !== undefined && approval.plan !== op.plan) ||
      approval.policy_commit !== policyCommit ||
      approval.expected_state_version !== op.expected_state_version;
    if (approval.decision === "reject") isRejected = true;
    else if (!isStale && approval.iat <= last && admitter?.principal !== voter.principal) voters.set(voter.principal, voter);
  }
  return { isRejected, isMet: asks.every((quorums) => canFill(quorums, [...voters.values()])) };
}

// Refusals that follow from op, policy, approvals, facts and time; the others rest on what the keeper saw, and only their signer is checked.
const DECIDED = new Set([
  ...["policy_denied", "scope_exceeded", "review_rejected", "review_expired", "op_withdrawn", "aud_mismatch", "workspace_mismatch"],
  ...["token_expired", "token_not_yet_valid", "clock_skew", "lifetime_too_long"],
]);

function checkDecision({ audit, decision, op, approvals }, files) {
  const policy = readPolicy(files);
  const [workspace, policyRid] = audit.aud.split("/");
  name(workspace, "the workspace");
  same("audience", decision.aud, `${workspace}/${policyRid}`);
  same("policy repository", decision.policy.rid, policyRid);
  same("workspace of the policy", policy.workspace, workspace);
  const decider = holderOf(policy, decision.iss);
  const byHand = decider?.role === "operator" && decider.may.includes("Admit");
  const breaksGlass = audit.basis === "admission" && decision.basis === "break_glass";
  if (breaksGlass) same("key that breaks the glass", decision.iss, op.iss);
  else if (decider?.role !== "keeper" && !byHand) fail(`the policy lets nobody decide with the key ${decision.iss}`);
  const isDecided = audit.basis === "admission" || DECIDED.has(decision.code);
  if (op === undefined) return isDecided ? fail(`a refusal with ${decision.code} must carry the op`) : undefined;
  same("jti of the op", op.jti, decision.op_jti);
  if (!isDecided) return undefined;
  const said = decide({
    op,
    policy,
    policyRid,
    policyCommit: decision.policy.commit,
    approvals,
    facts: decision.facts,
    nowS: decision.decided_at,
    admittedBy: byHand && !breaksGlass ? decision.iss : undefined,
    breaksGlass,
  });
  if (audit.basis === "admission") {
    same("verdict of the policy", said.verdict, "admit");
    same("rule", `${decision.rule} (${decision.basis})`, `${said.rule} (${said.basis})`);
    return undefined;
  }
  if (decision.rule === "admitter") fail("who may decide is no reason to refuse an op");
  same("verdict of the policy", said.verdict, "refuse");
  if (decision.code === "review_expired" && said.code === "token_expired") return undefined;
  same("reason of the refusal", `${decision.code} by ${decision.rule}`, `${said.code} by ${said.rule}`);
  return undefined;
}

// --- 9. The receipt ----------------------------------------------------------------------------------------------------------

/** SHA-256 of the canonical JSON of the list, sorted by path, of [path, SHA-256 in hexadecimal]. */
function policyDigest(files) {
  const paths = [...files.keys()].sort();
  return digestOf(JSON.stringify(paths.map((path) => [path, sha256(files.get(path)).toString("hex")])));
}

/**
 * Every part in order, up to the first that fails. `trusted` is what is known from elsewhere: { stateRid, stateRoot, controller, policyRid }.
 * `ok` only where every part was proven; `consistent` where nothing contradicts, but nothing says that the ledger is the one that is meant.
 */
export function verifyReceipt(bytes, trusted = {}) {
  const steps = [];
  let record;
  let part;
  try {
    part = "form";
    if (bytes.length > MAX_RECEIPT_BYTES) fail(`a receipt of more than ${MAX_RECEIPT_BYTES} bytes`);
    const receipt = receiptShape(strictJson(bytes), "receipt");
    const { state, policy } = receipt.anchors;
    steps.push({ part, result: "proven", what: "the receipt has the form of version 1" });

    part = "identity";
    const { controller: founder, workspace } = readIdentity(state.rid, receipt.state_identity);
    same("workspace", receipt.workspace, workspace);
    const tenures = readTenures(receipt.successions ?? [], founder, state.rid, workspace);
    const { controller, from } = tenures.at(-1);
    steps.push({ part, result: "proven", what: `the ledger ${state.rid} of ${workspace} belongs to ${controller}` });

    part = "anchor";
    if (trusted.stateRid !== undefined) same("state repository", state.rid, trusted.stateRid);
    if (trusted.stateRid !== undefined) same("identity root", state.identity_root, trusted.stateRoot);
    const isKnown = tenures.some((each) => each.controller === trusted.controller);
    if (trusted.controller !== undefined && !isKnown) same("ops-controller", controller, trusted.controller);
    if (trusted.policyRid !== undefined) same("policy repository", policy.rid, trusted.policyRid);
    const isAnchored = trusted.stateRid !== undefined || trusted.controller !== undefined;
    const anchored = isAnchored ? "the ledger is the pinned one" : "no pin was given: anybody can found a ledger";
    steps.push({ part, result: isAnchored ? "proven" : "skipped", what: anchored });

    part = "record";
    const { controller: signer } = tenures.findLast((each) => each.from <= receipt.inclusion.index);
    const carried = readRecord(receipt.record, { controller: signer, audience: `${workspace}/${policy.rid}` });
    same("subject", receipt.subject, carried.audit.subject);
    record = carried.audit;
    steps.push({ part, result: "proven", what: `the ops-controller signed that ${record.subject} ended as ${record.outcome}` });

    part = "checkpoint";
    const checkpoint = readCheckpoint(receipt.checkpoint, `triplane/${workspace}/${state.rid}`, controller);
    if (from > checkpoint.size) fail("the ledger was handed over later than it says");
    steps.push({ part, result: "proven", what: `the ops-controller signed the ledger with ${checkpoint.size} records` });

    part = "inclusion";
    checkInclusion(receipt.inclusion, receipt.record, checkpoint);
    steps.push({ part, result: "proven", what: `it is record ${receipt.inclusion.index} of them` });

    part = "policy";
    const files = new Map(Object.entries(receipt.policy_files));
    for (const member of ["rid", "commit", "digest"]) same(`policy's ${member}`, policy[member], carried.decision.policy[member]);
    same("digest of the policy files", policyDigest(files), policy.digest);
    steps.push({ part, result: "proven", what: `the decision names the policy ${policy.commit} that is in the receipt` });

    part = "decision";
    checkDecision(carried, files);
    steps.push({ part, result: "proven", what: "the decision, run again under that policy, is the same" });
  } catch (thrown) {
    steps.push({ part, result: "failed", what: thrown.message });
    return { ok: false, consistent: false, failed: part, steps };
  }
  return { ok: steps.every(({ result }) => result === "proven"), consistent: true, steps, record };
}

// --- 10. The program ---------------------------------------------------------------------------------------------------------

const USAGE = `Usage: verify-receipt.mjs FILE [--state-rid RID --state-root COMMIT] [--controller DID] [--policy-rid RID] [--json]

Verifies a receipt offline. FILE may be -, standard input. What you trust you give yourself, from a source that is not the receipt.
Exit code 0: every part is proven. 1: a part failed, or nothing says which ledger you trust. 2: wrong usage.
`;

/** At most one byte more than a receipt may have. */
function readFileBytes(path) {
  const file = path === "-" ? 0 : openSync(path, "r");
  const chunks = [];
  let total = 0;
  for (let got = 1; got > 0 && total <= MAX_RECEIPT_BYTES; total += got) {
    const chunk = Buffer.alloc(64 * 1024);
    got = readSync(file, chunk);
    chunks.push(chunk.subarray(0, got));
  }
  if (file !== 0) closeSync(file);
  return Buffer.concat(chunks);
}

function usage(problem) {
  process.stderr.write(`${problem}\n\n${USAGE}`);
  return 2;
}

function main(argv) {
  const string = { type: "string" };
  const options = { "state-rid": string, "state-root": string, controller: string, "policy-rid": string, json: { type: "boolean" } };
  let parsed;
  let bytes;
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true });
    const { values } = parsed;
    if (parsed.positionals.length !== 1) return usage("exactly one FILE is wanted");
    if ((values["state-rid"] === undefined) !== (values["state-root"] === undefined))
      return usage("--state-rid and --state-root belong together");
    if (values["state-rid"] !== undefined) rid(values["state-rid"], "--state-rid");
    if (values["state-root"] !== undefined) commit(values["state-root"], "--state-root");
    if (values["policy-rid"] !== undefined) rid(values["policy-rid"], "--policy-rid");
    if (values.controller !== undefined) publicKey(values.controller);
    bytes = readFileBytes(parsed.positionals[0]);
  } catch (thrown) {
    return usage(thrown.message);
  }
  const { values } = parsed;
  const trusted = {
    stateRid: values["state-rid"],
    stateRoot: values["state-root"],
    controller: values.controller,
    policyRid: values["policy-rid"],
  };
  const report = verifyReceipt(bytes, trusted);
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
  return report.ok ? 0 : 1;
}

function renderReport({ ok, consistent, steps, record }) {
  const marks = { proven: "✔", failed: "✘", skipped: "–" };
  const lines = steps.map(({ part, result, what }) => `${marks[result]} ${part.padEnd(10)} ${what}`);
  if (record !== undefined) {
    lines.push("", `subject   ${record.subject}`, `outcome   ${record.outcome}`);
    if (record.target !== undefined) lines.push(`target    ${record.target}`);
    lines.push(`finished  ${new Date(record.finished_at * 1000).toISOString()}`);
  }
  const agrees =
    "– The receipt agrees with itself, but nothing says that its ledger is the one you mean: give --controller, or --state-rid and --state-root.";
  lines.push("", ok ? "✔ The receipt proves this." : consistent ? agrees : "✘ The receipt is not valid.");
  // What a receipt says goes to a terminal: control characters in it are shown, not obeyed.
  return `${lines.join("\n").replace(/[^\P{Cc}\n]/gu, (character) => JSON.stringify(character).slice(1, -1))}\n`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
  process.exitCode = main(process.argv.slice(2));
