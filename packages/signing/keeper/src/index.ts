// The public names of the keeper.
export { policyRepository } from "./adapters/policy-repo.ts";
export { CONFIG } from "./config.ts";
export { openBucket } from "./desk.ts";
export { runKeeper } from "./main.ts";
export type { PolicyInForce } from "./outputs.ts";
export { admitPending, admitReview, type HandOptions, type HandWorked } from "./people/admit.ts";
export { type ApproveOptions, approve, reject, type Spoken, withdraw } from "./people/approve.ts";
export type { PersonDeps, SigningDeps } from "./people/deps.ts";
export { digestWords } from "./people/proquint.ts";
export { listReviews, type ReviewSummary, type ShownApproval, type ShownReview, showReview } from "./people/reviews.ts";
export type { PolicySource } from "./ports.ts";
export { bucketStanding, type FillOptions, type FillReport, fillBucket } from "./rebuild/fill-bucket.ts";
export { type Intake, readMessage, type Seat, takeIn } from "./service.ts";
