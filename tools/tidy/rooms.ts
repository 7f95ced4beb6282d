// Who may import whom, as data. ARCHITECTURE.md says why.

/** Short names of our packages: `@triplane/` is left out. */
export interface Room {
  readonly folder: string;
  readonly mayImport: readonly string[];
}

const LIBRARIES = ["contract", "kit", "nickel", "policy", "ledger", "bus", "store", "submitter", "radicle", "governance"] as const;
const PLANES = ["keeper", "orchestrator", "controller", "audit-mirror", "desired-sync"] as const;
const BUILD_ROOMS = ["vm-pool", "golden", "provider-local", "provider-hcloud", "registry"] as const;

export const ROOMS: Readonly<Record<string, Room>> = {
  contract: { folder: "packages/contract", mayImport: [] },
  kit: { folder: "packages/kit", mayImport: ["contract"] },
  nickel: { folder: "packages/nickel", mayImport: ["contract", "kit"] },
  bus: { folder: "packages/bus", mayImport: ["contract", "kit"] },
  store: { folder: "packages/store", mayImport: ["contract", "kit"] },
  policy: { folder: "packages/policy", mayImport: ["contract", "nickel"] },
  ledger: { folder: "packages/ledger", mayImport: ["contract", "nickel", "kit", "policy"] },
  radicle: { folder: "packages/radicle", mayImport: ["contract"] },
  submitter: { folder: "packages/submitter", mayImport: ["contract", "kit", "bus"] },
  governance: { folder: "packages/governance", mayImport: ["contract", "kit", "policy", "ledger"] },
  // It shares nothing with what it checks but the wire formats.
  checker: { folder: "packages/checker", mayImport: ["contract"] },
  testkit: { folder: "packages/testkit", mayImport: [...LIBRARIES] },
  keeper: { folder: "packages/signing/keeper", mayImport: ["contract", "kit", "nickel", "policy", "ledger", "bus", "governance"] },
  orchestrator: { folder: "packages/workload/orchestrator", mayImport: [...LIBRARIES, ...BUILD_ROOMS] },
  "vm-pool": { folder: "packages/workload/vm-pool", mayImport: ["contract", "kit", "store"] },
  golden: { folder: "packages/workload/golden", mayImport: ["contract", "kit", "vm-pool"] },
  "provider-local": { folder: "packages/workload/provider-local", mayImport: ["contract", "kit", "vm-pool", "golden"] },
  "provider-hcloud": { folder: "packages/workload/provider-hcloud", mayImport: ["contract", "kit", "vm-pool", "golden"] },
  registry: { folder: "packages/workload/registry", mayImport: ["contract", "kit"] },
  // It pretends to be a cloud: it knows nothing of us.
  "hcloud-sim": { folder: "packages/hcloud-sim", mayImport: ["kit", "contract"] },
  "buildkit-launcher": { folder: "packages/ci/buildkit-launcher", mayImport: ["contract", "kit", "nickel"] },
  // It looks at every plane from outside, and imports none.
  reflection: { folder: "packages/reflection", mayImport: [...LIBRARIES] },
  // What agents are offered; what it does is handed in.
  mcp: { folder: "packages/mcp", mayImport: ["contract", "kit", "reflection"] },
  controller: { folder: "packages/workload/controller", mayImport: [...LIBRARIES] },
  "audit-mirror": { folder: "packages/workload/audit-mirror", mayImport: [...LIBRARIES] },
  "desired-sync": { folder: "packages/ci/desired-sync", mayImport: [...LIBRARIES] },
  cli: {
    folder: "packages/cli",
    mayImport: [...LIBRARIES, "checker", "reflection", "mcp", ...PLANES, ...BUILD_ROOMS, "buildkit-launcher"],
  },
};

/** Tests may in addition import these: the kit finds the tools that they run, hcloud-sim is their cloud. */
export const ALSO_IN_TESTS: readonly string[] = ["testkit", "kit", "hcloud-sim"];

/** What a room may not depend on, because it may not do what that is for. */
export const FORBIDDEN_DEPENDENCIES: Readonly<Record<string, { readonly pattern: RegExp; readonly why: string }>> = {
  contract: { pattern: /^(?!zod$)/, why: "the contract is pure" },
  policy: { pattern: /^(?!zod$|@triplane\/)/, why: "decisions are pure" },
  keeper: { pattern: /surrealdb|^hono$|@hono\/|^express|^fastify|sqlite/, why: "the keeper has no database and no web" },
};
