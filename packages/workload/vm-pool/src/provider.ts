// What the pool wants of a cloud, or of this machine. Every provider passes the same contract suite (testing/provider-contract.ts).
//
// 1. The pool names a server after its lease before it asks for it, so that an unknown outcome is looked up by name and adopted, never made twice.
// 2. Labels lie on the server itself: who owns it, which lease, until when. The reaper believes them and nothing else. `runner-always-destroyed`
// 3. A call that may or may not have happened throws `provider_unknown_outcome`; any other failure means that it did not happen.
import type { LeaseState, Tier } from "@triplane/contract";

/** Labels of a server. Keys and values: at most 63 characters of `[A-Za-z0-9._-]`, alphanumeric at both ends. */
export interface ServerLabels {
  /** Always `triplane`: nothing else of the account is ever touched. */
  readonly "managed-by": "triplane";
  /** Which pool: two orchestrators may share an account. */
  readonly pool: string;
  readonly lease: string;
  readonly tenant: string;
  readonly tier: Tier;
  /** Seconds since 1970, decimal. */
  readonly expires: string;
}

export interface ServerSpec {
  /** The lease's id: a host name. */
  readonly name: string;
  readonly labels: ServerLabels;
  /** One of `offers`. */
  readonly offer: Offer;
  /** Golden image: the provider's id of it. */
  readonly image: string;
  /** OpenSSH, one line: the only key that may log in. */
  readonly authorizedKey: string;
  /** Ed25519 host key, made by the pool: put in before sshd starts. `private`: an OpenSSH PEM, `public`: one line. */
  readonly hostKey: { readonly private: string; readonly public: string };
  /** The runner ends itself then, whatever became of the pool. Seconds since 1970. */
  readonly deadManAtS: number;
}

/** Something that can be had now: a type at a place, with what it has and costs. */
export interface Offer {
  readonly type: string;
  readonly location: string;
  readonly cpus: number;
  readonly memoryMib: number;
  readonly platform: "linux/amd64" | "linux/arm64";
  /** Cents an hour, before tax; 0 where nothing is billed. */
  readonly centsPerHour: number;
}

export interface Server {
  /** The provider's id. */
  readonly id: string;
  readonly name: string;
  /** Absent where the labels are not ours or cannot be read: then it is not ours to destroy. */
  readonly labels: ServerLabels | undefined;
  readonly state: "starting" | "running" | "stopped" | "ending";
  /** Where sshd listens, once it has an address. */
  readonly address: { readonly host: string; readonly port: number; readonly user: string } | undefined;
  readonly offer: { readonly type: string; readonly location: string };
  /** Seconds since 1970, by the provider's clock. */
  readonly createdAtS: number;
}

export interface Image {
  readonly id: string;
  readonly createdAtS: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: "linux/amd64" | "linux/arm64";
}

export interface Capabilities {
  readonly name: string;
  /** Three-letter code, or undefined where nothing is billed. */
  readonly currency: string | undefined;
  /** Bills begun hours (`hour`) or nothing at all. */
  readonly billing: "hour" | "none";
}

/** What is left of the provider's budget of calls; undefined where it has none. */
export interface CallBudget {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds since 1970 when it is full again. */
  readonly fullAtS: number;
}

/**
 * Throws `provider_unavailable` (this offer cannot be had: try the next one), `provider_limit` (a quota of the account: people have to act),
 * `provider_busy` (rate limit, lock, maintenance: later), `provider_denied` (credentials), `provider_name_taken` (find it and look at its labels),
 * `provider_unknown_outcome` (look it up by name), `provider_failed` (anything else).
 */
export interface Provider {
  readonly capabilities: Capabilities;
  /** What can be had now, cheapest first. */
  offers(signal: AbortSignal): Promise<readonly Offer[]>;
  /** Returns once the provider knows the server, long before it has booted. */
  create(spec: ServerSpec, signal: AbortSignal): Promise<Server>;
  find(name: string, signal: AbortSignal): Promise<Server | undefined>;
  /** Every server whose labels say `managed-by=triplane` and this pool, page after page. */
  list(pool: string, signal: AbortSignal): Promise<readonly Server[]>;
  /** Idempotent; resolves when the server is gone, or was never there. */
  destroy(id: string, signal: AbortSignal): Promise<void>;
  /** Golden images by label, newest first. */
  images(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Image[]>;
  budget(): CallBudget | undefined;
}

/** States of a lease in which it holds, or may hold, a server. */
export const HOLDING_STATES: readonly LeaseState[] = ["creating", "booting", "ready", "releasing"];
