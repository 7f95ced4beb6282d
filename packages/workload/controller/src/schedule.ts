// Which accepted ops may be applied now: per target in order of acceptance, different targets at the same time. Pure.

/** The target of ops that concern all targets at once. */
const WHOLE_WORKSPACE = "workspace";

export interface Queued {
  readonly subject: string;
  readonly target: string;
  readonly position: number;
}

/**
 * The ops of `queue` that can start beside those that run, oldest first. None overtakes an older op of its target; one that
 * concerns the whole workspace waits for all older ones, and all younger ones for it.
 */
export function runnable(queue: readonly Queued[], running: readonly Queued[], limit: number): readonly Queued[] {
  const started: Queued[] = [];
  const ahead = [...running];
  for (const op of [...queue].sort((a, b) => a.position - b.position)) {
    if (running.length + started.length >= limit) break;
    if (!ahead.some((other) => concernsSame(op, other))) started.push(op);
    ahead.push(op);
  }
  return started;
}

function concernsSame(a: Queued, b: Queued): boolean {
  return a.target === b.target || a.target === WHOLE_WORKSPACE || b.target === WHOLE_WORKSPACE;
}
