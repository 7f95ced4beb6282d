// Options of desired-sync.
import { type Did, isDid, PRINCIPAL_PATTERN } from "@triplane/contract";
import { defineConfig, integer, option, text, url } from "@triplane/kit";
import { z } from "zod";

const name = (what: string) => z.string().regex(PRINCIPAL_PATTERN, `must be ${what}`);
const rid = () => z.string().regex(/^rad:z[1-9A-HJ-NP-Za-km-z]{20,40}$/, "must be a Radicle repository id");

export const CONFIG = defineConfig({
  program: "desired-sync",
  summary: "Submits desired.apply when the approved head of the desired-state repository moves.",
  envPrefix: "TRIPLANE_DESIRED_SYNC",
  options: {
    workspace: option(name("a workspace's name"), { description: "The workspace.", placeholder: "NAME" }),
    principal: option(name("a principal's name").default("ci"), {
      description: "The automation under whose name ops are submitted.",
      placeholder: "NAME",
    }),
    scope: option(name("a scope's name").default("desired"), { description: "The scope of its grant.", placeholder: "NAME" }),
    keyFile: option(text(), { description: "The automation's signing key.", placeholder: "FILE" }),
    natsUrl: option(url("nats", "tls").default("nats://127.0.0.1:4222"), { description: "Address of NATS.", placeholder: "URL" }),
    nkeySeed: option(text(), { description: "The nkey seed of the automation's identity on NATS.", secret: true }),
    outboxDir: option(text(), { description: "Where ops are kept until their outcome is held.", placeholder: "FOLDER" }),
    stateFile: option(text(), {
      description:
        "Where the last submitted commit is remembered; beside it, with .seen at the end, what was accepted of the repositories.",
      placeholder: "FILE",
    }),
    desiredRepo: option(text(), { description: "The desired-state repository in Radicle's storage.", placeholder: "FOLDER" }),
    desiredRid: option(rid(), { description: "RID of the desired-state repository.", placeholder: "RID" }),
    desiredIdentityRoot: option(z.string().regex(/^[0-9a-f]{40}$/, "must be a commit id"), {
      description: "Root commit of that repository's identity; the RID alone does not fix it.",
      placeholder: "COMMIT",
    }),
    desiredThreshold: option(integer({ min: 1, max: 255 }).default(2), {
      description: "Least number of people that the desired-state and the policy repository must demand for a change.",
      placeholder: "COUNT",
    }),
    policyRepo: option(text(), {
      description: "The policy repository in Radicle's storage: it says who the people are whose approvals count.",
      placeholder: "FOLDER",
    }),
    policyRid: option(rid(), { description: "RID of the policy repository, part of every op's audience.", placeholder: "RID" }),
    policyIdentityRoot: option(z.string().regex(/^[0-9a-f]{40}$/, "must be a commit id"), {
      description: "Root commit of that repository's identity; the RID alone does not fix it.",
      placeholder: "COMMIT",
    }),
    controllerDid: option(
      z.custom<Did>((value) => typeof value === "string" && isDid(value), "must be the did:key of an Ed25519 key"),
      { description: "The ops-controller's key, whose outcomes are believed.", placeholder: "DID" },
    ),
    orchestratorUrl: option(url("http", "https").default("http://127.0.0.1:8080"), {
      description: "Address of the orchestrator.",
      placeholder: "URL",
    }),
    orchestratorToken: option(text(), { description: "Token with the scope state:read at the orchestrator.", secret: true }),
    expiresInS: option(integer({ min: 10, max: 31 * 24 * 3600 }).default(3600), {
      description: "Lifetime of an op in seconds; at most what the policy allows.",
      placeholder: "SECONDS",
    }),
    maxAttempts: option(integer({ min: 1, max: 100 }).default(5), {
      description: "Most ops for one commit, where the ones before ended with a failure that signing again can cure.",
      placeholder: "COUNT",
    }),
    pollMs: option(integer({ min: 50, max: 3_600_000 }).default(2000), {
      description: "Milliseconds between two looks at the repository and at the outcome.",
      placeholder: "MS",
    }),
    resendMs: option(integer({ min: 50, max: 3_600_000 }).default(30_000), {
      description: "Milliseconds between two sendings of an op that has no outcome.",
      placeholder: "MS",
    }),
  },
});
