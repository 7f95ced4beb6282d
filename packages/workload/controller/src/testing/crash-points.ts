// Where the crash tests kill a controller: between any two things that another process can see.

export const CRASH_POINTS = [
  "before-accept",
  "after-accept",
  "after-ack",
  "before-apply",
  "after-apply",
  "after-finish",
  "after-publish",
  "after-answer",
  "after-published",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];
