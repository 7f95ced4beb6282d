// What one op of a campaign is, and what a seat and the campaign tell each other about it.
import type { Json, OpClaims } from "@triplane/contract";

export interface LoadStep {
  readonly id: number;
  /** After the start of the campaign. */
  readonly atMs: number;
  readonly issuer: string;
  readonly op: OpClaims["op"];
  readonly target: string;
  readonly args: { readonly [key: string]: Json };
  readonly scope: string;
  /** Added to the version that the target probably has; other than 0 asks for a conflict. */
  readonly versionError: number;
  /** Whether it changes its target if nothing goes wrong. */
  readonly changes: boolean;
  /** Signed with the digest of a plan that the orchestrator makes, if it answers. */
  readonly planned: boolean;
  readonly expiresInS: number;
  /** Sent once more at once. */
  readonly twice: boolean;
  /** What people say once it is in review; nothing where it needs nobody. */
  readonly words: readonly { readonly principal: string; readonly word: "approve" | "reject" }[];
}

/** Ops of one seat's principals are signed and sent by one process, as on one machine. */
export const SEATS = { people: ["ana", "ben", "cleo"], robots: ["scout", "ci"] } as const;
export type SeatName = keyof typeof SEATS;
export const SEAT_NAMES = Object.keys(SEATS) as SeatName[];

export function seatOf(issuer: string): SeatName {
  return (SEATS.robots as readonly string[]).includes(issuer) ? "robots" : "people";
}

export interface SeatOrder {
  readonly step: LoadStep;
  readonly expectedVersion: number;
  /** Whether the orchestrator is asked for a plan first. */
  readonly askFirst: boolean;
}

export type SeatReport =
  | { readonly told: "ready" }
  /** Everything of this principal that had no outcome has been sent again. */
  | { readonly told: "resent"; readonly issuer: string }
  /** Nothing more happens to that step but its outcome. */
  | { readonly told: "worked"; readonly id: number }
  /** On disk in the outbox: from here on it must land. */
  | { readonly told: "stored"; readonly id: number; readonly issuer: string; readonly jti: string; readonly target: string }
  /** The broker confirmed it: from here on it must land without being sent again. */
  | { readonly told: "sent"; readonly jti: string }
  | {
      readonly told: "outcome";
      readonly issuer: string;
      readonly jti: string;
      readonly target: string;
      readonly outcome: string;
      readonly code?: string;
      readonly versionAfter?: number;
    };
