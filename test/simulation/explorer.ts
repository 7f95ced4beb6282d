// Explores every state that a small model can reach: breadth first, so that a counter-example is as short as one can be.

export interface Move<S> {
  readonly name: string;
  readonly to: S;
}

export interface Model<S> {
  readonly start: S;
  moves(state: S): readonly Move<S>[];
  /** What must never be. */
  wrong(state: S): string | undefined;
  /** Whether nothing has anything left to do; mishaps may still come. */
  isAtRest(state: S): boolean;
  /** What must not be at rest. */
  wrongAtRest(state: S): string | undefined;
}

export interface Explored {
  readonly states: number;
  /** What is wrong, and the moves that lead there. */
  readonly counterExample: { readonly wrong: string; readonly moves: readonly string[] } | undefined;
}

interface Reached {
  readonly name: string;
  readonly from: Reached | undefined;
}

/** States are told apart by the values of their members, which are numbers, words and booleans in one order. */
export function explore<S extends object>(model: Model<S>, maxStates = 1_000_000): Explored {
  const seen = new Set<string>([keyOf(model.start)]);
  let frontier: { readonly state: S; readonly reached: Reached | undefined }[] = [{ state: model.start, reached: undefined }];
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { state, reached } of frontier) {
      const moves = model.moves(state);
      const wrong = model.wrong(state) ?? (model.isAtRest(state) ? model.wrongAtRest(state) : undefined);
      if (wrong !== undefined) return { states: seen.size, counterExample: { wrong, moves: namesOf(reached) } };
      for (const { name, to } of moves) {
        const key = keyOf(to);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push({ state: to, reached: { name, from: reached } });
      }
    }
    if (seen.size > maxStates) throw new Error(`more than ${maxStates} states: the model is too large to explore`);
    frontier = next;
  }
  return { states: seen.size, counterExample: undefined };
}

function keyOf(state: object): string {
  return Object.values(state).join();
}

function namesOf(reached: Reached | undefined): readonly string[] {
  const names: string[] = [];
  for (let at = reached; at !== undefined; at = at.from) names.unshift(at.name);
  return names;
}
