// validate-ops-contract: streams, buckets and consumers on the server against the contract. Judgement only.
import type { BusSurvey, SurveyedStream } from "@triplane/bus";
import { CONSUMERS } from "@triplane/contract";
import { check, counted, fail, type Judged, listed, pass, type Source } from "../source.ts";

interface HasBus {
  readonly workspace: string;
  readonly bus: Source<BusSurvey>;
  nowS(): number;
}

const source = ({ bus }: HasBus): Source<BusSurvey> => bus;
const DIFFERS =
  "Find out who changed it: nothing of ours does. Then make it again as docs/reference/bus.md says; nothing is rewritten silently.";

type Differences = SurveyedStream["differences"];

function described(differences: Differences): string {
  return listed(
    differences.map(({ of, setting, expected, actual }) => `${of}: ${setting} is ${shown(actual)}, must be ${shown(expected)}`),
  );
}

function shown(value: unknown): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}

/** Every stream's consumers against those that its contract names. */
function strangers(survey: BusSurvey, concerns: (stream: string) => boolean): readonly string[] {
  return survey.streams
    .filter(({ name, found }) => found && concerns(name))
    .flatMap(({ name, consumers }) => {
      const agreed = survey.consumers.filter(({ stream }) => stream === name).map((each) => each.name);
      return consumers.filter((each) => !agreed.includes(each)).map((each) => `${name} has ${each}`);
    });
}

/** Commands are consumed by one, whatever the workspace is called. */
const isCommands = (name: string): boolean => name.startsWith("OPS_CMD_");

function judgeCommandConsumers(survey: BusSurvey): Judged {
  const stream = survey.streams.find(({ name }) => isCommands(name));
  if (stream?.found !== true) return { verdict: "skip", saw: "there is no command stream; ops-streams-exist says why" };
  const { consumers, name } = stream;
  if (consumers.length === 1 && consumers[0] === CONSUMERS.cmd) return pass(`1 consumer: ${CONSUMERS.cmd}`, name);
  const others = consumers.filter((each) => each !== CONSUMERS.cmd);
  return fail(
    `${counted(consumers.length, "consumer")}: ${consumers.length === 0 ? "none" : consumers.join(", ")}`,
    others.length === 0
      ? "No ops-controller can take commands: `triplane up --plane workload` provisions its consumer."
      : `Find out who made ${others.join(", ")} with the provisioner's credential, and delete it: commands that it takes are never applied.`,
    name,
  );
}

export const OPS_CONTRACT_CHECKS = [
  check({
    ...{ id: "bus-syncs-before-it-confirms", invariant: "persist-before-ack", source },
    what: "The broker confirms a message only when it is on disk.",
    judge: ({ syncProblem, serverVersion }) =>
      syncProblem === undefined
        ? pass(`nats-server ${serverVersion}, sync_interval is always`)
        : fail(syncProblem.message, syncProblem.hint),
  }),
  check({
    ...{ id: "ops-streams-exist", invariant: "every-command-lands", source },
    what: "Every stream and bucket of the contract is on the server.",
    judge: ({ streams }) => {
      const missing = streams.filter(({ found }) => !found).map(({ name }) => name);
      const messages = streams.reduce((sum, stream) => sum + stream.messages, 0);
      return missing.length === 0
        ? pass(`${counted(streams.length, "stream")} with ${counted(messages, "message")}`)
        : fail(
            `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not there`,
            "Recover what it held as docs/how-to/recover.md says.",
          );
    },
  }),
  check({
    ...{ id: "stream-retention", invariant: "applied-once", source },
    what: "Ops and commands wait in work queues, from which each is taken once; the other streams keep what they hold.",
    judge: ({ streams }) => {
      const wrong = streams.flatMap(({ differences }) => differences.filter(({ setting }) => setting === "retention"));
      const queues = streams.filter(({ name, found }) => found && (isCommands(name) || name.startsWith("OPS_PENDING_"))).length;
      return wrong.length === 0
        ? pass(`${counted(queues, "work queue")}, retention as agreed everywhere`)
        : fail(described(wrong), DIFFERS);
    },
  }),
  check({
    ...{ id: "stream-settings", invariant: "every-command-lands", source },
    what: "Limits, discarding and deletion of every stream and bucket are as the contract fixes them.",
    judge: ({ streams }) => {
      const wrong = streams.flatMap(({ differences }) => differences.filter(({ setting }) => setting !== "retention"));
      return wrong.length === 0 ? pass(`${counted(streams.length, "stream")} as agreed`) : fail(described(wrong), DIFFERS);
    },
  }),
  check({
    ...{ id: "consumer-settings", invariant: "publish-before-ack", source },
    what: "The consumers of the contract are there, and ack as it fixes.",
    judge: ({ consumers }) => {
      const missing = consumers.filter(({ found, stream }) => !found && !isCommands(stream)).map(({ stream, name }) => `${stream}/${name}`);
      const wrong = consumers.flatMap(({ differences }) => differences);
      if (missing.length > 0) return fail(`${missing.join(", ")}: not there`, "`triplane up` provisions them.");
      return wrong.length === 0 ? pass(`${counted(consumers.length, "consumer")} as agreed`) : fail(described(wrong), DIFFERS);
    },
  }),
  check({
    ...{ id: "one-command-consumer", invariant: "ops-controller-single-workqueue-consumer", source },
    what: "Exactly one consumer takes commands, the ops-controller's.",
    judge: judgeCommandConsumers,
  }),
  check({
    ...{ id: "no-unknown-consumer", invariant: "every-command-lands", source },
    what: "Nobody else consumes from a stream of the workspace.",
    judge: (survey) => {
      const found = strangers(survey, (name) => !isCommands(name));
      return found.length === 0
        ? pass(`${counted(survey.streams.length - 1, "stream")} without a consumer that nobody agreed on`)
        : fail(listed(found), "Find out who made it with the provisioner's credential, and delete it.");
    },
  }),
] as const;
