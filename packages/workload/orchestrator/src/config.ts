// The orchestrator's options.

import { commitField, ridField } from "@triplane/contract";
import { COMMON_OPTIONS, defineConfig, integer, option, port, text, toggle } from "@triplane/kit";
import { HCLOUD_OPTIONS } from "@triplane/provider-hcloud/options";
import { LOCAL_OPTIONS } from "@triplane/provider-local/options";
import { machinesProblems, POOL_OPTIONS, REGISTRY_OPTIONS } from "./machines/options.ts";

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
    ...POOL_OPTIONS,
    ...REGISTRY_OPTIONS,
    ...LOCAL_OPTIONS,
    ...HCLOUD_OPTIONS,
  },
  rules: (values) => {
    const problems: string[] = [];
    const { desiredRepo, desiredRid, desiredRoot, policyRepo, policyRid, policyIdentityRoot } = values;
    const pinned = [desiredRepo, desiredRid, desiredRoot, policyRepo, policyRid, policyIdentityRoot].filter((value) => value !== undefined);
    if (pinned.length !== 0 && pinned.length !== 6)
      problems.push(
        "--desired-repo, --desired-rid, --desired-root, --policy-repo, --policy-rid and --policy-identity-root belong together",
      );
    if (values.portsFrom > values.portsTo) problems.push("--ports-from is above --ports-to");
    return [...problems, ...machinesProblems(values)];
  },
});
