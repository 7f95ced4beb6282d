// Which accepted ops may be applied now: per target in order of acceptance, different targets at the same time. Pure.

/** The target of ops that concern all targets at once. */
const WHOLE_WORKSPACE = "workspace";

export interface Queued {
  readonly subject: string;
  readonly target: string;
  readonly position: number;
}

/**
 * The ops of `queue`, which is in order of positions, that can start beside those that run, oldest first. None overtakes an older op of its target; one that
 * concerns the whole workspace waits for all older ones, and all younger ones for it.
 */
export function runnable<Q extends Queued>(queue: Iterable<Q>, running: readonly Queued[], limit: number): readonly Q[] {
  const started: Q[] = [];
  const ahead = new Set(running.map(({ target }) => target));
  for (const op of queue) {
    if (running.length + started.length >= limit || ahead.has(WHOLE_WORKSPACE)) break;
    if (op.target === WHOLE_WORKSPACE ? ahead.size === 0 : !ahead.has(op.target)) started.push(op);
    ahead.add(op.target);
  }
  return started;
}
