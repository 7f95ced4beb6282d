// The broker as a source, with the validator's identity.
import { type BusSurvey, surveyBus } from "@triplane/bus";
import { readSecretFile, silentLogger } from "@triplane/kit";
import type { Source } from "../source.ts";

export interface BusPlace {
  readonly url: string;
  readonly workspace: string;
  /** File with the validator's nkey seed. */
  readonly seedFile: string;
}

export function busSource({ url, workspace, seedFile }: BusPlace): Source<BusSurvey> {
  return {
    where: url,
    read: async () => {
      const nkeySeed = (await readSecretFile(seedFile)).trim();
      return await surveyBus({ servers: url, workspace, nkeySeed, logger: silentLogger, connectTimeoutMs: 3_000 });
    },
  };
}
