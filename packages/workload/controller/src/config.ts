// Options of ops-controller.
import { assertWorkspace, commitField, ridField } from "@triplane/contract";
import { defineConfig, integer, option, text, toggle, url } from "@triplane/kit";

export const CONFIG = defineConfig({
  program: "ops-controller",
  summary: "Applies the admitted ops of one workspace through the orchestrator, once each, and signs what became of them.",
  envPrefix: "TRIPLANE_CONTROLLER",
  options: {
    workspace: option(
      text().refine((name) => isWorkspace(name), "must be a workspace's name"),
      { description: "The workspace.", placeholder: "NAME" },
    ),
    natsUrl: option(url("nats", "tls").default("nats://127.0.0.1:4222"), { description: "Address of NATS.", placeholder: "URL" }),
    nkeySeed: option(text(), { description: "The nkey seed of the controller's identity on NATS.", secret: true }),
    keyFile: option(text(), {
      description: "The controller's signing key, which is also the only delegate of the state repository.",
      placeholder: "FILE",
    }),
    storeUrl: option(text(), {
      description: "SurrealDB: rocksdb://PATH embeds it, ws:// or wss:// is a server; a standby on another machine needs a server.",
      placeholder: "URL",
    }),
    storeNamespace: option(text().default("triplane"), { description: "Namespace on a SurrealDB server.", placeholder: "NAME" }),
    storeDatabase: option(text().default("controller"), { description: "Database on a SurrealDB server.", placeholder: "NAME" }),
    storeUsername: option(text().optional(), { description: "User on a SurrealDB server.", placeholder: "NAME" }),
    storePassword: option(text().optional(), { description: "Password of that user.", secret: true }),
    orchestratorUrl: option(url("http", "https").default("http://127.0.0.1:7700"), {
      description: "Address of the orchestrator.",
      placeholder: "URL",
    }),
    orchestratorToken: option(text(), { description: "The controller's token for the orchestrator.", secret: true }),
    policyRepo: option(text(), { description: "The policy repository in Radicle's storage.", placeholder: "FOLDER" }),
    policyRid: option(ridField, { description: "RID of the policy repository.", placeholder: "RID" }),
    policyIdentityRoot: option(commitField, {
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
      description: "Milliseconds between two looks at the policy repository.",
      placeholder: "MS",
    }),
    standby: toggle({ description: "Wait until no other controller holds the lease instead of refusing to start." }),
    leaseTtlMs: option(integer({ min: 1000, max: 300_000 }).default(10_000), {
      description: "Milliseconds after which a standby may take over from a controller that no longer renews its lease.",
      placeholder: "MS",
    }),
    parallel: option(integer({ min: 1, max: 64 }).default(16), {
      description: "Ops on different targets that are applied at the same time.",
      placeholder: "COUNT",
    }),
    maxDeliveries: option(integer({ min: 1, max: 1000 }).default(10), {
      description: "Deliveries after which a message that fails for a reason of its own is taken off as poisoned.",
      placeholder: "COUNT",
    }),
  },
  rules: (values) => {
    const credentials = [values.storeUsername, values.storePassword].filter((value) => value !== undefined).length;
    const isServer = /^wss?:/i.test(values.storeUrl);
    return isServer && credentials !== 2 ? ["--store-username and --store-password-file are needed for a database server"] : [];
  },
});

function isWorkspace(name: string): boolean {
  try {
    assertWorkspace(name);
    return true;
  } catch {
    return false;
  }
}
