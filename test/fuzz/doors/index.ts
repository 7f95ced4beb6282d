// All doors by name. Each is loaded only when it is opened: a child process feeds one.
import type { Door } from "../door.ts";

const files = () => import("./files.ts");
const git = () => import("./git.ts");
const http = () => import("./http.ts");
const nickel = () => import("./nickel.ts");
const signed = () => import("./signed-objects.ts");

export const DOORS: Readonly<Record<string, () => Promise<Door>>> = {
  "strict-json": async () => (await import("./json.ts")).strictJson(),
  jws: async () => (await signed()).compactForm(),
  "jws-header": async () => (await signed()).signedHeader(),
  claims: async () => (await signed()).signedClaims(),
  nickel: async () => (await nickel()).nickelFiles(),
  policy: async () => (await nickel()).policies(),
  "desired-state": async () => (await files()).desiredStates(),
  "git-commit": async () => (await git()).commits(),
  "git-tree": async () => (await git()).trees(),
  "radicle-identity": async () => (await git()).identityDocuments(),
  "ssh-signature": async () => (await git()).sshSignatures(),
  checkpoint: async () => (await git()).checkpoints(),
  receipt: async () => (await import("./receipts.ts")).receipts(),
  configuration: async () => (await files()).configuration(),
  "key-file": async () => (await files()).keyFiles(),
  "outbox-entry": async () => (await files()).outboxEntries(),
  "http-body": async () => (await http()).httpBodies(),
  "http-request": async () => (await http()).httpRequests(),
  "hcloud-answer": async () => (await import("./hcloud.ts")).hcloudAnswers(),
};
