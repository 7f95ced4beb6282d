// The public names of the keeper.
export { policyRepository } from "./adapters/policy-repo.ts";
export { Alarms } from "./alarms.ts";
export { CONFIG } from "./config.ts";
export { Desk, openBucket } from "./desk.ts";
export { runKeeper } from "./main.ts";
export { keeperMetrics } from "./metrics.ts";
export type { PolicyInForce } from "./outputs.ts";
export { admitPending, admitReview, type HandOptions, type HandWorked } from "./people/admit.ts";
export { type ApproveOptions, approve, reject, type Spoken, withdraw } from "./people/approve.ts";
export type { PersonDeps, SigningDeps } from "./people/deps.ts";
export { listReviews, type ReviewSummary, type ShownApproval, type ShownReview, showReview } from "./people/reviews.ts";
export { PolicyFollower } from "./policy-follower.ts";
export type { PolicySource } from "./ports.ts";
export { bucketStanding, type FillOptions, type FillReport, fillBucket } from "./rebuild/fill-bucket.ts";
export { openNumbers } from "./rebuild/open-numbers.ts";
export { KeeperLoop } from "./run.ts";
export { type Intake, readMessage, type Seat, takeIn } from "./service.ts";
export { keeperMayDecide } from "./signers.ts";
