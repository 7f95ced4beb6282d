// Every kind of break of a receipt's file, by name.
import { createHash } from "node:crypto";
import { didOfPublicKey, encodeBase58 } from "@triplane/contract";
import { checkpointOrigin, type Receipt, signCheckpoint } from "@triplane/ledger";
import { MONDAY_10_S, WORKSPACE, type World } from "./world.ts";

type Json = Record<string, unknown>;
export type Break = (receipt: Receipt, world: World) => string | Uint8Array;

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const text = (value: unknown): string => JSON.stringify(value);
const changed =
  (change: (receipt: Json & Receipt) => void): Break =>
  (receipt) => {
    const copy = structuredClone(receipt) as Json & Receipt;
    change(copy);
    return text(copy);
  };
const set = (path: string, value: (old: unknown, receipt: Receipt) => unknown): Break =>
  changed((receipt) => {
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    const parent = steps.reduce<Json>((at, step) => at[step] as Json, receipt as never);
    parent[last] = value(parent[last], receipt);
  });

/** The same token with another signature. */
function resigned(token: string, change: (signature: Buffer) => Buffer): string {
  const [header, payload, signature = ""] = token.split(".");
  return `${header}.${payload}.${change(Buffer.from(signature, "base64url")).toString("base64url")}`;
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** S + L: the same point, which a lax verifier accepts. */
function malleable(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).reverse().toString("hex")}`) + GROUP_ORDER;
  const bytes = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes.subarray(0, 32)]);
}

/** The note with its signature line's bytes changed. */
function noteWith(note: string, change: (bytes: Buffer) => Buffer | string): string {
  const [body = "", line = ""] = note.split("\n\n");
  const [dash, name, base64 = ""] = line.trim().split(" ");
  const bytes = change(Buffer.from(base64, "base64"));
  return `${body}\n\n${dash} ${name} ${typeof bytes === "string" ? bytes : bytes.toString("base64")}\n`;
}

/** A receipt whose ledger belongs to a key with these bytes; nobody can sign for it, unless a lax verifier lets everybody. */
const foundedBy = (publicKey: Uint8Array): Break =>
  changed((receipt) => {
    const document = receipt.state_identity.replace(/did:key:[A-Za-z0-9]+/, didOfPublicKey(publicKey));
    receipt.state_identity = document;
    receipt.anchors.state.rid = ridOf(document);
  });

function ridOf(document: string): string {
  const bytes = Buffer.from(document, "utf8");
  return `rad:z${encodeBase58(createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest())}`;
}

const rewrittenDocument = (rewrite: (document: string) => string): Break =>
  changed((receipt) => {
    receipt.state_identity = rewrite(receipt.state_identity);
    receipt.anchors.state.rid = ridOf(receipt.state_identity);
  });

const noteSigned =
  (change: (receipt: Receipt, world: World) => string): Break =>
  (receipt, world) =>
    text({ ...receipt, checkpoint: change(receipt, world) });

const littleEndian = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(64, "0"), "hex").reverse();
const PRIME = 2n ** 255n - 19n;

export const BREAKS: Readonly<Record<string, Break>> = {
  "not JSON": () => "a receipt",
  nothing: () => "",
  "a list": (receipt) => text([receipt]),
  "something after it": (receipt) => `${text(receipt)} {}`,
  "a byte order mark": (receipt) => `\ufeff${text(receipt)}`,
  "not UTF-8": (receipt) => Buffer.from(text(receipt).replace("Not read", "\xff"), "latin1"),
  "UTF-8 with a byte too few": (receipt) => {
    const bytes = Buffer.from(text(receipt).replace("Not read", "Not ⛔ read"), "utf8");
    const at = bytes.indexOf(Buffer.from("⛔"));
    return Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at + 2)]);
  },
  "a key twice": (receipt) => text(receipt).replace('"version":1', '"version":2,"version":1'),
  "a key twice, written differently": (receipt) => text(receipt).replace('"version":1', '"vers\\u0069on":2,"version":1'),
  "a key twice inside": (receipt) => text(receipt).replace('"index":', '"index":7,"index":'),
  "a policy file twice": (receipt) => text(receipt).replace('"README.md":', '"README.md":"x","README.md":'),
  "the key __proto__": (receipt) => text(receipt).replace('"version":1', '"version":1,"__proto__":{}'),
  "__proto__ as a policy file": (receipt) => text(receipt).replace('"README.md":', '"__proto__":"x","README.md":'),
  "a version with a fraction": (receipt) => text(receipt).replace('"version":1', '"version":1.0'),
  "a version with an exponent": (receipt) => text(receipt).replace('"version":1', '"version":1e0'),
  "another version": set("version", () => 2),
  "a version as text": set("version", () => "1"),
  "another format": set("format", () => "triplane-receipt-v2"),
  "an extra field": changed((receipt) => Object.assign(receipt, { note: "see attachment" })),
  "an extra field inside": changed((receipt) => Object.assign(receipt.anchors.state, { also: 1 })),
  "a lone surrogate": (receipt) => text(receipt).replace('"Not read', '"\\ud800Not read'),
  "too deep": (receipt) => text(receipt).replace('"version":1', `"version":1,"x":${"[".repeat(40)}${"]".repeat(40)}`),
  huge: (receipt) => `${text(receipt)}${" ".repeat(2 * 1024 * 1024)}`,
  "a huge policy file": changed((receipt) => Object.assign(receipt.policy_files, { "README.md": "x".repeat(1_900_000) })),
  "a huge record": set("record", (old) => `${old}${"A".repeat(70_000)}`),
  "another workspace": set("workspace", () => "libre-daoshi"),
  "another subject": set("subject", () => "0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b"),
  "another ledger's id": set("anchors.state.rid", () => "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji"),
  "an id with a leading 1": set("anchors.state.rid", (old) => String(old).replace("rad:z", "rad:z1")),
  "an id that is none": set("anchors.state.rid", () => "rad:zzzzz"),
  "another identity root": set("anchors.state.identity_root", () => "c".repeat(40)),
  "an identity root that is none": set("anchors.state.identity_root", () => "see README"),
  "another policy repository": set("anchors.policy.rid", () => "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji"),
  "another policy commit": set("anchors.policy.commit", () => "c".repeat(40)),
  "another policy digest": set("anchors.policy.digest", () => `sha256:${"0".repeat(64)}`),
  "another document": set("state_identity", (old) => String(old).replace("of a test", "of a text")),
  "a document with two delegates": rewrittenDocument((document) =>
    document.replace(/"(did:key:[A-Za-z0-9]+)"/, '"$1","did:key:z6MkngfHxbso6g9n3Yx83KXuCoBg8juKutdbBuHcLtJzuMgC"'),
  ),
  "a document with threshold 0": rewrittenDocument((document) => document.replace('"threshold":1', '"threshold":0')),
  "a document with threshold 2": rewrittenDocument((document) => document.replace('"threshold":1', '"threshold":2')),
  "a document that is not canonical": rewrittenDocument((document) => document.replace('"threshold":1', '"threshold": 1')),
  "a document with keys in another order": rewrittenDocument(
    (document) => `{"threshold":1,${document.replace(',"threshold":1', "").slice(1)}`,
  ),
  "a document with an extra member": rewrittenDocument((document) =>
    document.replace('"threshold":1', '"threshold":1,"visibility":{"type":"private"}'),
  ),
  "a document that is no state repository's": rewrittenDocument((document) => document.replace("libre-wuji-state", "libre-wuji-desired")),
  "a document that is null": rewrittenDocument(() => "null"),
  "a document whose payload is a number": rewrittenDocument((document) =>
    document.replace(/"payload":\{.*\}(?=,"threshold)/, '"payload":5'),
  ),
  "a document whose text is not in NFC": rewrittenDocument((document) => document.replace("of a test", "of a te\u0301st")),
  "a key of order 1": foundedBy(littleEndian(1n)),
  "a key of order 2": foundedBy(littleEndian(PRIME - 1n)),
  "a key of order 4": foundedBy(littleEndian(0n)),
  "a key of order 8": foundedBy(littleEndian(0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n)),
  "a key of order 8, the other sign": foundedBy(
    littleEndian(0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n + 2n ** 255n),
  ),
  "a key that is not canonical": foundedBy(littleEndian(PRIME + 3n)),
  "another key": foundedBy(littleEndian(9n)),
  "the record's signature changed": set("record", (old) => resigned(String(old), (signature) => flipped(signature, 5))),
  "the record's signature swapped for the decision's": set("record", (old) => {
    const payload = JSON.parse(Buffer.from(String(old).split(".")[1] ?? "", "base64url").toString("utf8")) as Json;
    return resigned(String(old), () => Buffer.from(String(payload["decision"]).split(".")[2] ?? "", "base64url"));
  }),
  "the record's S not below the order": set("record", (old) => resigned(String(old), malleable)),
  "the record's R of small order": set("record", (old) =>
    resigned(String(old), (signature) => Buffer.concat([littleEndian(1n), signature.subarray(32)])),
  ),
  "the record's signature cut": set("record", (old) => resigned(String(old), (signature) => signature.subarray(0, 63))),
  "the record's signature of nothing": set("record", (old) => String(old).replace(/\.[^.]*$/, ".")),
  "the record padded": set("record", (old) => `${old}=`),
  "the record's last character with spare bits": set("record", (old) => spareBits(String(old))),
  "the record in four parts": set("record", (old) => `${old}.x`),
  "the record with alg none": set(
    "record",
    (old) => `${Buffer.from('{"alg":"none","typ":"audit+jwt"}').toString("base64url")}.${String(old).split(".")[1]}.AA`,
  ),
  "the record's header with white space": set("record", (old) => {
    const [header = "", ...rest] = String(old).split(".");
    return [Buffer.from(` ${Buffer.from(header, "base64url").toString("utf8")}`).toString("base64url"), ...rest].join(".");
  }),
  "the decision as the record": set(
    "record",
    (old) => JSON.parse(Buffer.from(String(old).split(".")[1] ?? "", "base64url").toString("utf8")).decision,
  ),
  "another index": set("inclusion.index", (old) => Number(old) + 1),
  "an index below nothing": set("inclusion.index", () => -1),
  "an index with a fraction": (receipt) => text(receipt).replace(/"index":\d+/, '"index":0.5'),
  "an index beyond 2^53": (receipt) => text(receipt).replace(/"index":\d+/, '"index":9007199254740993'),
  "an index beyond the end": set("inclusion.index", () => 2 ** 52),
  "a proof cut": set("inclusion.proof", (old) => (old as string[]).slice(0, -1)),
  "a proof too long": set("inclusion.proof", (old) => [...(old as string[]), Buffer.alloc(32).toString("base64")]),
  "a proof of 65": set("inclusion.proof", () => Array.from({ length: 65 }, () => Buffer.alloc(32).toString("base64"))),
  "a proof in another order": set("inclusion.proof", (old) => (old as string[]).toReversed()),
  "a proof's hash that is not canonical base64": set("inclusion.proof", (old) => {
    const [first = Buffer.alloc(32).toString("base64"), ...rest] = old as string[];
    return [`${first.slice(0, 42)}${String.fromCharCode(first.charCodeAt(42) + 1)}=`, ...rest];
  }),
  "a proof's hash in base64url": set("inclusion.proof", () => [Buffer.alloc(32, 0xff).toString("base64url")]),
  "a proof's hash cut": set("inclusion.proof", (old) => [Buffer.alloc(31).toString("base64"), ...(old as string[]).slice(1)]),
  "a checkpoint of another size": set("checkpoint", (old) => String(old).replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)),
  "a checkpoint without its last line's end": set("checkpoint", (old) => String(old).slice(0, -1)),
  "a checkpoint of another log": set("checkpoint", (old) => String(old).replaceAll("triplane/", "triplain/")),
  "a checkpoint without signature": set("checkpoint", (old) => String(old).replace(/\n\n.*\n$/s, "\n\n")),
  "a checkpoint signed by its own key id only": set("checkpoint", (old) => noteWith(String(old), (bytes) => bytes.subarray(0, 4))),
  "a checkpoint with another key id": set("checkpoint", (old) => noteWith(String(old), (bytes) => flipped(bytes, 0))),
  "a checkpoint's S not below the order": set("checkpoint", (old) =>
    noteWith(String(old), (bytes) => Buffer.concat([bytes.subarray(0, 4), malleable(bytes.subarray(4))])),
  ),
  "a checkpoint's signature not canonical base64": set("checkpoint", (old) =>
    noteWith(String(old), (bytes) => spareBits(bytes.toString("base64"))),
  ),
  "a checkpoint with a witness's line": set("checkpoint", (old) => `${old}— witness.example ${Buffer.alloc(68).toString("base64")}\n`),
  "a checkpoint with a witness's line first": set("checkpoint", (old) =>
    String(old).replace("\n\n", `\n\n— witness.example ${Buffer.alloc(68).toString("base64")}\n`),
  ),
  "a checkpoint with a malformed line first": set("checkpoint", (old) => String(old).replace("\n\n", "\n\n— nobody\n")),
  "a checkpoint with 17 signatures": set("checkpoint", (old) => `${old}${"— witness.example AAAA\n".repeat(16)}`),
  "a checkpoint with a hyphen for a dash": set("checkpoint", (old) => String(old).replace("\n— ", "\n- ")),
  "a signed checkpoint with a line more": noteSigned(({ checkpoint }, world) => signed(checkpoint, world, (body) => `${body}also this\n`)),
  "a signed checkpoint with a size like 007": noteSigned(({ checkpoint }, world) =>
    signed(checkpoint, world, (body) => body.replace(/\n(\d+)\n/, "\n00$1\n")),
  ),
  "a signed checkpoint without time": noteSigned(({ checkpoint }, world) =>
    signed(checkpoint, world, (body) => body.replace(/time \d+\n/, "")),
  ),
  "a signed checkpoint with another root": noteSigned(
    ({ anchors }, { keys }) =>
      signCheckpoint(checkpointOrigin(WORKSPACE, anchors.state.rid), 1, Buffer.alloc(32, 7), MONDAY_10_S * 1000, keys.controller).note,
  ),
  "a signed checkpoint of nothing": noteSigned(
    ({ anchors }, { keys }) =>
      signCheckpoint(checkpointOrigin(WORKSPACE, anchors.state.rid), 0, createHash("sha256").digest(), MONDAY_10_S * 1000, keys.controller)
        .note,
  ),
  "a checkpoint signed by the keeper": noteSigned(
    ({ anchors }, { keys }) =>
      signCheckpoint(checkpointOrigin(WORKSPACE, anchors.state.rid), 1, Buffer.alloc(32, 7), MONDAY_10_S * 1000, keys.keeper).note,
  ),
  "a policy file changed": changed((receipt) => Object.assign(receipt.policy_files, { "README.md": "changed" })),
  "a policy file left out": changed((receipt) => void delete receipt.policy_files["README.md"]),
  "a policy file more": changed((receipt) => Object.assign(receipt.policy_files, { "more.ncl": "{}" })),
  "a policy file renamed": changed((receipt) => {
    receipt.policy_files["READYOU.md"] = receipt.policy_files["README.md"] ?? "";
    delete receipt.policy_files["README.md"];
  }),
  "no policy files": set("policy_files", () => ({})),
  "policy files as a list": set("policy_files", () => []),
  "a policy file that is null": changed((receipt) => Object.assign(receipt.policy_files, { "README.md": null })),
  "policy files in another order": set("policy_files", (old) => Object.fromEntries(Object.entries(old as Json).toReversed())),
  "members in another order": (receipt) => text(Object.fromEntries(Object.entries(receipt).toReversed())),
  "white space": (receipt) => JSON.stringify(receipt, null, "\t \r\n"),
  escapes: (receipt) => text(receipt).replace('"format"', '"\\u0066ormat"'),
};

/** The same bytes with the bits that base64 has to spare set; where there are none, a character that is no base64. */
function spareBits(base64: string): string {
  const body = base64.replace(/=+$/, "");
  const last = body.at(-1) ?? "";
  const other = String.fromCharCode(last.charCodeAt(0) + 1);
  return `${body.slice(0, -1)}${other}${base64.slice(body.length)}`;
}

/** A note whose text was changed before the ops-controller signed it. */
function signed(note: string, { keys }: World, change: (body: string) => string): string {
  const body = change(`${note.split("\n\n")[0]}\n`);
  const line = (note.split("\n\n")[1] ?? "").trim().split(" ");
  const keyId = Buffer.from(line[2] ?? "", "base64").subarray(0, 4);
  return `${body}\n${line[0]} ${line[1]} ${Buffer.concat([keyId, keys.controller.sign(Buffer.from(body, "utf8"))]).toString("base64")}\n`;
}

/** Every member of the receipt, at any depth, taken away. */
export function everyMemberLeftOut(receipt: Receipt): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (at: unknown, path: readonly string[]): void => {
    if (at === null || typeof at !== "object" || Array.isArray(at)) return;
    for (const key of Object.keys(at)) {
      const copy = structuredClone(receipt) as unknown as Json;
      const parent = path.reduce<Json>((inner, step) => inner[step] as Json, copy);
      delete parent[key];
      found.set(`without ${[...path, key].join(".")}`, text(copy));
      visit((at as Json)[key], [...path, key]);
    }
  };
  visit(receipt, []);
  return found;
}
