// Which keys may sign decisions under a policy: those of keepers, and by hand those of operators with the grant to admit.
import { type Did, type Op, TriplaneError } from "@triplane/contract";
import { type Operator, type Policy, personOf, signerOf } from "@triplane/policy";

/** Throws `kid_unknown` under a policy that does not list the key among its keepers. */
export function keeperMayDecide(did: Did): (policy: Policy) => void {
  return (policy) => {
    if (signerOf(policy, did)?.role !== "keeper") throw new TriplaneError("kid_unknown", `${did} is no keeper in the policy`);
  };
}

/** Throws `kid_unknown` or `policy_denied` for a key whose holder may not admit by hand. */
export function personMayDecide(did: Did): (policy: Policy) => void {
  return (policy) => void admittingPerson(policy, did);
}

/** The operator who holds the key and may admit. */
export function admittingPerson(policy: Policy, did: Did): Operator {
  const signer = signerOf(policy, did);
  if (signer?.role !== "operator") throw new TriplaneError("kid_unknown", `${did} is no operator in the policy`);
  if (!signer.entry.may.includes("Admit")) throw new TriplaneError("policy_denied", `${signer.principal} may not admit`);
  return signer.entry;
}

/** Whether an op is the person's own: theirs, or that of an agent they answer for. */
export function isOwnOp(policy: Policy, op: Op, person: string): boolean {
  const issuer = signerOf(policy, op.claims.iss);
  return issuer !== undefined && personOf(issuer) === person;
}
