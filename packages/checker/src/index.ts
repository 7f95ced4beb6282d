// The public names of the checker.
export { checkInvariants } from "./check.ts";
export { type CheckOptions, type Sources, sourcesOfHome } from "./options.ts";
export type { Finding, Report, Status, Violation } from "./report.ts";
