// Options of audit-mirror.
import { PRINCIPAL_PATTERN } from "@triplane/contract";
import { defineConfig, integer, option, text, url } from "@triplane/kit";
import { MAX_BATCH_RECORDS } from "@triplane/ledger";
import { z } from "zod";

const rid = () => z.string().startsWith("rad:z");
const commit = () => z.string().regex(/^[0-9a-f]{40}$/, "must be a commit id");

export const CONFIG = defineConfig({
  program: "audit-mirror",
  summary: "Commits the audit records of one workspace to its ledger, in batches, each record once.",
  envPrefix: "TRIPLANE_MIRROR",
  options: {
    workspace: option(z.string().regex(PRINCIPAL_PATTERN, "must be a workspace's name"), {
      description: "The workspace.",
      placeholder: "NAME",
    }),
    natsUrl: option(url("nats", "tls").default("nats://127.0.0.1:4222"), { description: "Address of NATS.", placeholder: "URL" }),
    nkeySeed: option(text(), { description: "The nkey seed of the mirror's identity on NATS.", secret: true }),
    keyFile: option(text(), { description: "The ops-controller's signing key, the ledger's only delegate.", placeholder: "FILE" }),
    formerKeyFile: option(text().optional(), {
      description:
        "The key before it, until it has handed the ledger over: that happens at the new key's first record, once the approved policy names the new key.",
      placeholder: "FILE",
    }),
    stateRepo: option(text(), { description: "The state repository in Radicle's storage: the ledger.", placeholder: "FOLDER" }),
    stateRid: option(rid(), { description: "RID of the state repository.", placeholder: "RID" }),
    stateIdentityRoot: option(commit(), { description: "Root commit of that repository's identity.", placeholder: "COMMIT" }),
    policyRepo: option(text(), { description: "The policy repository in Radicle's storage.", placeholder: "FOLDER" }),
    policyRid: option(rid(), { description: "RID of the policy repository.", placeholder: "RID" }),
    policyIdentityRoot: option(commit(), { description: "Root commit of that repository's identity.", placeholder: "COMMIT" }),
    policyThreshold: option(integer({ min: 1, max: 255 }).default(2), {
      description: "Least number of operators that the policy repository must demand for a change.",
      placeholder: "COUNT",
    }),
    asideDir: option(text(), {
      description: "Folder for messages of the audit stream that are no records; each is alarmed.",
      placeholder: "FOLDER",
    }),
    radicleSocket: option(text().optional(), {
      description:
        "Control socket of a Radicle node that serves the state repository: each commit is announced there. It never delays or fails the ledger.",
      placeholder: "FILE",
    }),
    maxRecords: option(integer({ min: 1, max: MAX_BATCH_RECORDS }).default(MAX_BATCH_RECORDS), {
      description: "Most records in one commit.",
      placeholder: "COUNT",
    }),
    maxBytes: option(integer({ min: 65_536, max: 32 * 1024 * 1024 }).default(8 * 1024 * 1024), {
      description: "Bytes of records after which a batch is committed.",
      placeholder: "BYTES",
    }),
    maxWaitMs: option(integer({ min: 0, max: 10_000 }).default(500), {
      description: "Least milliseconds between two commits; after a quiet time a record waits only a moment.",
      placeholder: "MS",
    }),
  },
});
