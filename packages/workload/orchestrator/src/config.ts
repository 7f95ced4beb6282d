// The orchestrator's options.

import { commitField, ridField } from "@triplane/contract";
import { COMMON_OPTIONS, defineConfig, integer, list, option, port, text, toggle } from "@triplane/kit";
import { CURRENT_GOLDEN } from "@triplane/vm-pool";
import { z } from "zod";

/** A label's key or value as every provider takes it. */
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";

export const CONFIG = defineConfig({
  program: "orchestrator",
  summary: "Keeps the state of one workspace, plans and applies ops, and runs components as supervised processes.",
  envPrefix: "TRIPLANE_ORCHESTRATOR",
  options: {
    ...COMMON_OPTIONS,
    workspace: option(text(), { description: "The workspace that this orchestrator serves.", placeholder: "NAME" }),
    port: option(port().default(7700), { description: "Port of the API on loopback; 0 takes any free one.", placeholder: "PORT" }),
    dataDir: option(text(), {
      description: "Folder for releases, data and logs of components, and for the database unless storeUrl says otherwise.",
      placeholder: "DIR",
    }),
    catalogDir: option(text(), { description: "Folder with one folder for each component.", placeholder: "DIR" }),
    tokensFile: option(text(), { description: "Digests of the callers' tokens, with their scopes.", placeholder: "FILE" }),
    storeUrl: option(text().optional(), {
      description: "SurrealDB: rocksdb://PATH, or ws:// or wss:// for a server; absent uses rocksdb in the data folder.",
      placeholder: "URL",
    }),
    storeNamespace: option(text().default("triplane"), { description: "Namespace on a SurrealDB server.", placeholder: "NAME" }),
    storeDatabase: option(text().default("orchestrator"), { description: "Database on a SurrealDB server.", placeholder: "NAME" }),
    storeUsername: option(text().optional(), { description: "User on a SurrealDB server.", placeholder: "NAME" }),
    storePassword: option(text().optional(), { description: "Password of that user.", secret: true }),
    desiredRepo: option(text().optional(), {
      description: "Folder of the repository <workspace>-desired; absent refuses desired.apply.",
      placeholder: "DIR",
    }),
    desiredRid: option(ridField.optional(), { description: "Pinned RID of that repository.", placeholder: "RID" }),
    desiredRoot: option(commitField.optional(), { description: "Pinned identity root of that repository.", placeholder: "COMMIT" }),
    desiredThreshold: option(integer({ min: 1, max: 255 }).default(2), {
      description: "Least number of people that the desired-state and the policy repository must demand for a change.",
      placeholder: "COUNT",
    }),
    policyRepo: option(text().optional(), {
      description: "Folder of the policy repository: it says who the people are whose approvals of the desired state count.",
      placeholder: "DIR",
    }),
    policyRid: option(ridField.optional(), { description: "Pinned RID of the policy repository.", placeholder: "RID" }),
    policyIdentityRoot: option(commitField.optional(), {
      description: "Pinned identity root of the policy repository.",
      placeholder: "COMMIT",
    }),
    portsFrom: option(integer({ min: 1024, max: 65_535 }).default(21_000), {
      description: "First TCP port that components may get.",
      placeholder: "PORT",
    }),
    portsTo: option(integer({ min: 1024, max: 65_535 }).default(29_999), {
      description: "Last TCP port that components may get.",
      placeholder: "PORT",
    }),
    applyWaitMs: option(integer({ min: 0, max: 300_000 }).default(10_000), {
      description: "Milliseconds that a caller waits for the end of an op before it is told that the op runs.",
      placeholder: "MS",
    }),
    stopComponents: toggle({
      description: "End all components when the orchestrator stops. Without it they keep running and are found again.",
    }),
    stopAll: toggle({
      description: "Start nothing: end all components that the last orchestrator left running, then exit. Their state stays.",
    }),
    vmPoolProvider: option(text().optional(), {
      description: "Where machines for builds come from; absent: this orchestrator has none.",
      placeholder: "NAME",
    }),
    vmPoolName: option(
      z
        .string()
        .regex(new RegExp(`^${LABEL}$`))
        .optional(),
      {
        description: "Label on every machine of this pool; the workspace's name unless given. Nothing without it is ever touched.",
        placeholder: "NAME",
      },
    ),
    vmPoolLeases: option(integer({ min: 1, max: 1000 }).default(20), {
      description: "Leases that may be live at once.",
      placeholder: "COUNT",
    }),
    vmPoolLeasesPerTenant: option(integer({ min: 1, max: 1000 }).default(20), {
      description: "Leases of one tenant that may be live at once.",
      placeholder: "COUNT",
    }),
    vmPoolCentsPerTenantMonth: option(integer({ min: 1 }).optional(), {
      description: "What one tenant may spend in a calendar month (UTC), in cents of the provider's currency; absent: no limit.",
      placeholder: "CENTS",
    }),
    vmPoolGolden: option(list().default(Object.entries(CURRENT_GOLDEN).map(([key, value]) => `${key}=${value}`)), {
      description: "Labels of the golden image that machines are made from.",
      placeholder: "KEY=VALUE,…",
    }),
    vmPoolHeartbeatS: option(integer({ min: 1, max: 600 }).default(15), {
      description: "Seconds within which a launcher has to show itself; three that are missed end its lease.",
      placeholder: "SECONDS",
    }),
    vmPoolBootS: option(integer({ min: 10, max: 3600 }).default(300), {
      description: "Seconds in which a machine has to be ready.",
      placeholder: "SECONDS",
    }),
    vmPoolReapS: option(integer({ min: 1, max: 3600 }).default(60), {
      description: "Seconds between two passes of the reaper over the provider's list.",
      placeholder: "SECONDS",
    }),
  },
  rules: (values) => {
    const problems: string[] = [];
    const { desiredRepo, desiredRid, desiredRoot, policyRepo, policyRid, policyIdentityRoot } = values;
    const pinned = [desiredRepo, desiredRid, desiredRoot, policyRepo, policyRid, policyIdentityRoot].filter((value) => value !== undefined);
    if (pinned.length !== 0 && pinned.length !== 6)
      problems.push(
        "--desired-repo, --desired-rid, --desired-root, --policy-repo, --policy-rid and --policy-identity-root belong together",
      );
    for (const label of values.vmPoolGolden)
      if (!new RegExp(`^${LABEL}=${LABEL}$`).test(label)) problems.push(`--vm-pool-golden: ${JSON.stringify(label)} is not KEY=VALUE`);
    if (values.portsFrom > values.portsTo) problems.push("--ports-from is above --ports-to");
    return problems;
  },
});
