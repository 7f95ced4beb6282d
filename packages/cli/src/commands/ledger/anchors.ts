// What a verifier trusts: given by flags, else by the home's workspace.json, and always said.
import { commitField, type Did, isDid, ridField, TriplaneError } from "@triplane/contract";
import type { RepositoryPin } from "@triplane/ledger";
import { z } from "zod";
import type { CommandContext } from "../../framework/command.ts";
import { homeOption, type OpenHome, openHome } from "../home-option.ts";

export const anchorOptions = {
  stateRid: ridField.meta({ description: "The ledger's repository id, from a source you trust", placeholder: "RID" }).optional(),
  stateRoot: commitField.meta({ description: "Root commit of that repository's identity", placeholder: "COMMIT" }).optional(),
  controller: z
    .custom<Did>((value) => typeof value === "string" && isDid(value), "must be the did:key of an Ed25519 key")
    .meta({ description: "The ops-controller's key, from a source you trust", placeholder: "DID" })
    .optional(),
  policyRid: ridField.meta({ description: "The policy's repository id, from a source you trust", placeholder: "RID" }).optional(),
  home: homeOption,
};

export interface AnchorFlags {
  readonly stateRid?: string | undefined;
  readonly stateRoot?: string | undefined;
  readonly controller?: Did | undefined;
  readonly policyRid?: string | undefined;
  readonly home?: string | undefined;
}

export interface Anchors {
  readonly state: RepositoryPin | undefined;
  readonly controller: Did | undefined;
  readonly policyRid: string | undefined;
  /** Where each anchor came from, one line each, for people. */
  readonly trusted: readonly string[];
  readonly home: OpenHome | undefined;
}

/** Flags win over the home. Nothing is ever taken from what is being verified. */
export async function anchorsFrom(flags: AnchorFlags, context: CommandContext): Promise<Anchors> {
  if ((flags.stateRid === undefined) !== (flags.stateRoot === undefined))
    throw new TriplaneError("usage", "--state-rid and --state-root belong together: the id alone does not fix the repository's identity");
  const home = await homeIfThere(flags.home, context);
  const trusted: string[] = [];
  const pick = <T>(what: string, flag: T | undefined, ofHome: T | undefined): T | undefined => {
    const value = flag ?? ofHome;
    if (value === undefined) return undefined;
    trusted.push(`${what} ${String(value)} (${flag === undefined ? `from ${home?.layout.workspaceFile ?? ""}` : "from the command line"})`);
    return value;
  };
  const pins = home?.workspace.pins;
  const rid = pick("ledger", flags.stateRid, pins?.state.rid);
  const identityRoot = pick("ledger's identity root", flags.stateRoot, flags.stateRid === undefined ? pins?.state.identityRoot : undefined);
  const controller = pick("ops-controller", flags.controller, pins?.controller as Did | undefined);
  const policyRid = pick("policy", flags.policyRid, pins?.policy.rid);
  const state = rid === undefined || identityRoot === undefined ? undefined : { rid, identityRoot };
  return { state, controller, policyRid, trusted, home };
}

async function homeIfThere(home: string | undefined, context: CommandContext): Promise<OpenHome | undefined> {
  try {
    return await openHome(home, context);
  } catch (error) {
    // Named explicitly it has to be there; by default it is only a convenience.
    if (home === undefined && error instanceof TriplaneError && error.code === "home_missing") return undefined;
    throw error;
  }
}
