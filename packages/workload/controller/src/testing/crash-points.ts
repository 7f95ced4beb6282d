// Where the crash tests kill a controller: before and after everything that another process can see.

export const CRASH_POINTS = [
  "before-accept",
  "after-accept",
  "after-ack",
  "before-apply",
  "after-apply",
  "before-finish",
  "after-finish",
  "after-publish",
  "after-answer",
  "before-published",
  "after-published",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];
