// The signals that end a build: the first one lets it give its machine back, the third ends the process at once.

export interface StopSignals extends Disposable {
  readonly signal: AbortSignal;
  /** Which one came first. */
  name(): string | undefined;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const PATIENCE = 3;

export function stopSignals(onFirst: (name: string) => void = () => undefined): StopSignals {
  const stopping = new AbortController();
  let first: string | undefined;
  let count = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    count += 1;
    if (count >= PATIENCE) process.exit(1);
    if (first !== undefined) return;
    first = name;
    onFirst(name);
    stopping.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: stopping.signal,
    name: () => first,
    [Symbol.dispose]: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
