// What ends a build before it is done: signals, and defects of our own. The first one lets it give its machine back, the third ends the process at once.

export interface StopSignals extends Disposable {
  readonly signal: AbortSignal;
  /** Which one came first: a signal's name, or `DEFECT`. */
  name(): string | undefined;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const DEFECTS = ["uncaughtException", "unhandledRejection"] as const;
export const DEFECT = "defect";
const PATIENCE = 3;

/** `onFirst`: told of the first one, before anything stops. */
export function stopSignals(onFirst: (name: string, cause: unknown) => void): StopSignals {
  const stopping = new AbortController();
  let first: string | undefined;
  let count = 0;
  const stop = (name: string, cause?: unknown): void => {
    count += 1;
    if (count >= PATIENCE) process.exit(1);
    if (first !== undefined) return;
    first = name;
    onFirst(name, cause);
    stopping.abort();
  };
  const onSignal = (name: NodeJS.Signals): void => stop(name);
  const onDefect = (cause: unknown): void => stop(DEFECT, cause);
  for (const name of SIGNALS) process.on(name, onSignal);
  for (const name of DEFECTS) process.on(name, onDefect);
  return {
    signal: stopping.signal,
    name: () => first,
    [Symbol.dispose]: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
      for (const name of DEFECTS) process.off(name, onDefect);
    },
  };
}
