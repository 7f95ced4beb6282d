// Options of keeper-daemon.
import { PRINCIPAL_PATTERN } from "@triplane/contract";
import { defineConfig, integer, option, text, url } from "@triplane/kit";
import { z } from "zod";

export const CONFIG = defineConfig({
  program: "keeper-daemon",
  summary: "Takes the ops of one workspace in, and admits, refuses or puts them to people under its policy.",
  envPrefix: "TRIPLANE_KEEPER",
  options: {
    workspace: option(z.string().regex(PRINCIPAL_PATTERN, "must be a workspace's name"), {
      description: "The workspace.",
      placeholder: "NAME",
    }),
    natsUrl: option(url("nats", "tls").default("nats://127.0.0.1:4222"), { description: "Address of NATS.", placeholder: "URL" }),
    nkeySeed: option(text(), { description: "The nkey seed of the keeper's identity on NATS.", secret: true }),
    keyFile: option(text(), { description: "The signing key that the policy lists under keepers.", placeholder: "FILE" }),
    policyRepo: option(text(), { description: "The policy repository in Radicle's storage.", placeholder: "FOLDER" }),
    policyRid: option(z.string().regex(/^rad:z[1-9A-HJ-NP-Za-km-z]{20,40}$/, "must be a Radicle repository id"), {
      description: "RID of the policy repository.",
      placeholder: "RID",
    }),
    policyIdentityRoot: option(z.string().regex(/^[0-9a-f]{40}$/, "must be a commit id"), {
      description: "Root commit of that repository's identity; the RID alone does not fix it.",
      placeholder: "COMMIT",
    }),
    policyThreshold: option(integer({ min: 1, max: 255 }).default(2), {
      description: "Least number of operators that the policy repository must demand for a change.",
      placeholder: "COUNT",
    }),
    policyRemote: option(text().optional(), {
      description:
        "Remote that the policy repository is fetched from: the path or the https, ssh or file address of that repository. Without one somebody else has to bring the folder up to date, like a Radicle node.",
      placeholder: "URL",
    }),
    policyFetchMs: option(integer({ min: 200, max: 3_600_000 }).default(5000), {
      description: "Milliseconds between two fetches from that remote.",
      placeholder: "MS",
    }),
    pollMs: option(integer({ min: 50, max: 3_600_000 }).default(2000), {
      description: "Milliseconds between two looks at the policy repository and at expiries.",
      placeholder: "MS",
    }),
    rescanMs: option(integer({ min: 50, max: 3_600_000 }).default(60_000), {
      description: "Milliseconds between two readings of all open reviews, for those that somebody opened by hand.",
      placeholder: "MS",
    }),
  },
});
