// What the server needs of the system: an agent's desk. It is handed in, already under the agent's own key and no other.
import type { Json } from "@triplane/contract";
import type { Adr, Explanation, Mode, Ontology, Runs, Subjects, ValidationName, ValidationReport } from "@triplane/reflection";

/** The grant of an agent as the approved policy has it. */
export interface Grant {
  readonly workspace: string;
  readonly agent: string;
  /** The operator who answers for it; absent, as all of the below, where the approved policy does not know the agent's key. */
  readonly owner?: string;
  readonly scopes: readonly { readonly name: string; readonly kinds: readonly string[]; readonly targets: readonly string[] }[];
  /** At most `ops` ops admitted within `windowS` seconds. */
  readonly budget?: { readonly ops: number; readonly windowS: number };
  readonly expires?: string;
  readonly expired: boolean;
  readonly policyCommit: string;
}

/** An op as an agent wishes it. */
export interface OpWish {
  readonly kind: string;
  readonly target: string;
  readonly args: { readonly [key: string]: Json };
  readonly reason: string;
  /** Seconds for which it is valid. */
  readonly expiresInS: number;
}

/** So many people out of some groups, by a rule. */
export interface Need {
  readonly rule: string;
  readonly count: number;
  readonly groups: readonly string[];
}

/** What an op would do, and what the policy would say; nothing was signed or sent. */
export interface Prospect {
  readonly stateVersion: number;
  readonly actions: readonly { readonly action: string; readonly target: string; readonly summary: string }[];
  readonly planDigest: string;
  readonly scope: string;
  readonly verdict: "admit" | "review" | "refuse";
  readonly rule?: string;
  readonly code?: string;
  readonly fact?: string;
  /** Members of the op that would have to change, with values that the policy allows. */
  readonly nearest?: { readonly [key: string]: Json };
  readonly needs: readonly Need[];
  readonly explanation: readonly string[];
  readonly policyCommit: string;
}

export const OP_STATES = ["sent", "pending_approval", "applied", "failed", "conflict", "expired", "refused"] as const;
export type OpState = (typeof OP_STATES)[number];

/** An op of the agent, and where it is. */
export interface OpStatus {
  readonly jti: string;
  readonly requestId?: string;
  readonly kind: string;
  readonly target: string;
  readonly args: { readonly [key: string]: Json };
  readonly reason?: string;
  readonly state: OpState;
  /** The op's digest in words: people who approve see the same ones. */
  readonly words: string;
  readonly digest: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
  /** Present while people are asked. */
  readonly waitsFor?: {
    readonly needs: readonly Need[];
    readonly unopposed?: { readonly groups: readonly string[]; readonly runsAt: string };
  };
  /** Present once it ended: what the controller signed. */
  readonly outcome?: {
    readonly code?: string;
    readonly why?: string;
    readonly hint?: string;
    readonly rule?: string;
    readonly fact?: string;
    readonly nearest?: { readonly [key: string]: Json };
    readonly versionBefore?: number;
    readonly versionAfter?: number;
    readonly finishedAt: string;
    readonly evidence: { readonly [key: string]: Json };
  };
}

export interface WaitOptions {
  /** How long at most; 0 only looks. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Return as soon as people are asked, or only at the outcome. */
  readonly until: "answer" | "outcome";
  onState(state: OpState): void;
}

export interface Ops {
  plan(wish: OpWish): Promise<Prospect>;
  /** The same request id asks for the same op, however often. Throws `request_reused`, and what signing and sending throw. */
  submit(requestId: string, wish: OpWish, wait: WaitOptions): Promise<OpStatus>;
  /** Throws `op_unknown`. */
  status(jti: string, wait: WaitOptions): Promise<OpStatus>;
  list(): Promise<readonly OpStatus[]>;
  /** Throws `record_missing` until the ledger has the op's record. */
  receipt(jti: string): Promise<{ readonly [key: string]: Json }>;
}

export interface Target {
  readonly target: string;
  readonly version: number;
  readonly health: string;
  readonly state?: { readonly [key: string]: Json };
}

/** What the system knows of itself. Reading only. */
export interface Knowledge {
  ontology(): Promise<Ontology>;
  adrs(): Promise<readonly Adr[]>;
  /** What `triplane why NAME` says. Throws `why_unknown`. */
  why(name: string): Promise<Explanation>;
  /** What can be asked about. */
  subjects(): Promise<Subjects>;
  /** The approved policy, resolved, with the commit that proves it. */
  policy(): Promise<{ readonly commit: string; readonly policy: unknown }>;
  /** The targets of the workspace as they are now. */
  targets(): Promise<readonly Target[]>;
  /** Names of the reference pages. */
  pages(): Promise<readonly string[]>;
  /** A page's text, or undefined. */
  page(name: string): Promise<string | undefined>;
}

export interface ModeSummary {
  readonly id: string;
  readonly trigger: string;
  readonly steps: number;
}

export interface Validations {
  list(): Promise<readonly { readonly name: ValidationName; readonly checks: readonly { readonly id: string; readonly what: string }[] }[]>;
  run(name: ValidationName, signal: AbortSignal): Promise<ValidationReport>;
}

/** No commands are run from here: an agent reports what it did, and runs nothing through us. */
export type AgentRuns = Pick<Runs, "start" | "report" | "show" | "list" | "cancel">;

export interface Desk {
  readonly workspace: string;
  readonly agent: string;
  grant(): Promise<Grant>;
  readonly ops: Ops;
  readonly knowledge: Knowledge;
  readonly modes: { list(): Promise<readonly ModeSummary[]>; read(id: string): Promise<Mode> };
  readonly runs: AgentRuns;
  readonly validations: Validations;
}
