// The policy repository: every approved commit with its files, and, for commits that decisions name, what the nickel program makes of them.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { canonicalJson, digestOf } from "@triplane/contract";
import { gitLines, Objects } from "../git/git.ts";
import { approvedCommit, messageOf, type Pin, readGoverned, readNamedHeads, wasApproved } from "../git/governed.ts";
import type { Read } from "../report.ts";

export interface Signer {
  readonly principal: string;
  /** `break_glass`: an operator by a sealed key. */
  readonly role: "operator" | "automation" | "agent" | "keeper" | "break_glass";
  /** Of an agent: the operator who answers for it. */
  readonly owner: string | undefined;
  readonly may: readonly string[];
}

export interface EvaluatedPolicy {
  readonly signers: ReadonlyMap<string, Signer>;
  readonly clockSkewS: number;
  readonly maxLifetimeS: number;
  readonly workspace: string;
  /** Of rules that let a sealed key act alone, in seconds. */
  readonly ratifyWithinS: ReadonlyMap<string, number>;
  /** Ops that broke the glass and that its approvers stand by. */
  readonly ratified: readonly string[];
}

export interface PolicyCommit {
  readonly commit: string;
  readonly files: ReadonlyMap<string, string>;
  /** SHA-256 of the canonical JSON of the list of [path, SHA-256], sorted by path. */
  readonly digest: string;
}

export interface PolicyHistory {
  readonly head: string;
  readonly threshold: number;
  readonly delegates: number;
  readonly commits: ReadonlyMap<string, PolicyCommit>;
  readonly problems: readonly string[];
  /** Of the commits that were asked for. */
  readonly evaluated: ReadonlyMap<string, Read<EvaluatedPolicy>>;
}

const ENTRY = "keeper_policy.ncl";
const NICKEL_TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

export async function readPolicyHistory(repo: string, pin: Pin): Promise<Omit<PolicyHistory, "evaluated">> {
  const governed = await readGoverned(repo, pin);
  const named = await readNamedHeads(governed, pin);
  const head = await approvedCommit(governed, named);
  const commits = new Map<string, PolicyCommit>();
  using objects = new Objects(repo);
  for (const commit of await gitLines(repo, ["rev-list", head])) {
    // What an approved commit contains was not approved with it.
    if (commit !== head && !wasApproved(governed, named, commit)) continue;
    const files = new Map<string, string>();
    const hashes: [string, string][] = [];
    for (const line of await gitLines(repo, ["-c", "core.quotePath=false", "ls-tree", "-r", commit])) {
      const path = line.slice(line.indexOf("\t") + 1);
      const bytes = (await objects.blob(line.slice(12, 52))) ?? Buffer.alloc(0);
      files.set(path, bytes.toString("utf8"));
      hashes.push([path, createHash("sha256").update(bytes).digest("hex")]);
    }
    const sorted = hashes.sort(([a], [b]) => (a < b ? -1 : 1));
    commits.set(commit, { commit, files, digest: digestOf(canonicalJson(sorted)) });
  }
  const { threshold, delegates } = governed.document;
  return { head, threshold, delegates: delegates.length, commits, problems: governed.problems };
}

/** Evaluates a commit's policy with the nickel program, which is none of ours. */
export async function evaluatePolicy(nickel: string, policy: PolicyCommit): Promise<Read<EvaluatedPolicy>> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-check-"));
  try {
    for (const [path, text] of policy.files) {
      if (!path.endsWith(".ncl") && !path.endsWith(".json")) continue;
      if (normalize(path) !== path || path.startsWith("/") || path.startsWith("..")) throw new Error(`a file is called ${path}`);
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const value: unknown = JSON.parse(await run(nickel, ["export", "--format", "json", ENTRY], folder));
    return { ok: true, value: readEvaluated(value) };
  } catch (thrown) {
    return { ok: false, why: `the policy at ${policy.commit} cannot be evaluated: ${messageOf(thrown)}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readEvaluated(value: unknown): EvaluatedPolicy {
  const policy = value as {
    readonly workspace: string;
    readonly limits: { readonly clock_skew_s: number; readonly max_lifetime_s: number };
    readonly operators: readonly {
      readonly principal: string;
      readonly keys: readonly string[];
      readonly may: readonly string[];
      readonly break_glass_keys?: readonly string[];
    }[];
    readonly automations?: readonly { readonly principal: string; readonly keys: readonly string[] }[];
    readonly agents?: readonly { readonly principal: string; readonly owner: string; readonly keys: readonly string[] }[];
    readonly keepers?: readonly { readonly name: string; readonly keys: readonly string[] }[];
    readonly break_glass?: readonly { readonly id: string; readonly ratify_within_s: number }[];
    readonly ratified?: readonly string[];
  };
  const signers = new Map<string, Signer>();
  for (const { principal, keys, may, break_glass_keys: sealed = [] } of policy.operators) {
    for (const key of keys) signers.set(key, { principal, role: "operator", owner: undefined, may });
    for (const key of sealed) signers.set(key, { principal, role: "break_glass", owner: undefined, may: [] });
  }
  for (const { principal, keys } of policy.automations ?? [])
    for (const key of keys) signers.set(key, { principal, role: "automation", owner: undefined, may: [] });
  for (const { principal, owner, keys } of policy.agents ?? [])
    for (const key of keys) signers.set(key, { principal, role: "agent", owner, may: [] });
  for (const { name, keys } of policy.keepers ?? [])
    for (const key of keys) signers.set(key, { principal: name, role: "keeper", owner: undefined, may: [] });
  const ratifyWithinS = new Map((policy.break_glass ?? []).map(({ id, ratify_within_s: windowS }) => [id, windowS]));
  const { ratified = [] } = policy;
  return {
    ratifyWithinS,
    ratified,
    signers,
    clockSkewS: policy.limits.clock_skew_s,
    maxLifetimeS: policy.limits.max_lifetime_s,
    workspace: policy.workspace,
  };
}

function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", HOME: cwd },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: NICKEL_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
      if (out.length > MAX_OUTPUT_BYTES) child.kill("SIGKILL");
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      err = (err + chunk).slice(0, 2000);
    });
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(out) : reject(new Error(err.trim() || `nickel ended with ${code}`))));
  });
}
