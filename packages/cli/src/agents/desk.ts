// The desk of an agent: what `triplane mcp` offers, made of what the commands for people are made of.
import type { Desk } from "@triplane/mcp";
import { CHECKS_OF, type ModeCatalogue, type Runs, runValidation, VALIDATIONS } from "@triplane/reflection";
import type { CommandContext } from "../framework/command.ts";
import type { Person } from "../people/person.ts";
import { surroundingsOf } from "../validation/surroundings.ts";
import { grantOf } from "./agent.ts";
import { knowledgeOf } from "./knowledge.ts";
import { opsOf } from "./ops.ts";

export interface DeskParts {
  readonly person: Person;
  readonly modes: ModeCatalogue;
  readonly runs: Runs;
  readonly context: CommandContext;
}

export function deskOf({ person, modes, runs, context }: DeskParts): Desk {
  return {
    workspace: person.workspace.workspace,
    agent: person.principal,
    grant: () => grantOf(person),
    ops: opsOf(person),
    knowledge: knowledgeOf(person),
    modes: {
      list: async () =>
        (await modes.list()).flatMap(({ id, mode }) =>
          mode === undefined ? [] : [{ id, trigger: mode.trigger, steps: mode.steps.length }],
        ),
      read: (id) => modes.load(id),
    },
    runs,
    validations: {
      list: async () => VALIDATIONS.map((name) => ({ name, checks: CHECKS_OF[name].map(({ id, what }) => ({ id, what })) })),
      run: async (name, signal) => {
        const { surroundings } = await surroundingsOf({ home: person.layout.root }, context);
        return await runValidation(name, surroundings, { signal });
      },
    },
  };
}
