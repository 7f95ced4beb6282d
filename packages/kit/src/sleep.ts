// Waiting that a shutdown can cut short.

/**
 * Resolves after `ms`, or at once when one of the signals aborts; never rejects, so a loop looks at the signals once, at its head.
 * Several signals, not one of `AbortSignal.any`: what that makes stays in memory until the collector finds it among the long-lived one's dependants.
 */
export function sleep(ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal?.aborted === true)) {
      resolve();
      return;
    }
    const finish = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    for (const signal of signals) signal?.addEventListener("abort", finish, { once: true });
  });
}
