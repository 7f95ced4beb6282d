// An operator who signs and publishes ops as fast as asked, and learns of their ends from the orchestrator's events.
//
// Ops go to many targets in turn, each for the version that the one before it leaves: as long as none fails, all of them apply.
import type { Bus } from "@triplane/bus";
import { actorFor, type Person, personAt, withSubmitter } from "@triplane/cli";
import { formatAudience, type SigningKey, signOp, subjects, uuid7 } from "@triplane/contract";
import { readSecretFile, systemRandom } from "@triplane/kit";
import type { Place } from "./workspace.ts";

const TARGETS = 100;

export interface Sent {
  readonly number: number;
  readonly jti: string;
}

export class Operator {
  readonly #bus: Bus;
  readonly #key: SigningKey;
  readonly #audience: string;
  readonly #subject: string;
  readonly #place: Place;
  readonly #base: number;

  constructor(bus: Bus, key: SigningKey, workspace: Place) {
    const { workspace: name, pins } = workspace.world.workspace;
    this.#place = workspace;
    this.#base = workspace.issued;
    this.#bus = bus;
    this.#key = key;
    this.#audience = formatAudience({ workspace: name, policyRid: pins.policy.rid });
    this.#subject = subjects(name).pending;
  }

  /** Ops that it has submitted. */
  get sent(): number {
    return this.#place.issued - this.#base;
  }

  /** Signs the next op and resolves when the broker has it on disk. */
  async submit(): Promise<Sent> {
    const number = this.#place.issued;
    this.#place.issued += 1;
    const nowMs = Date.now();
    const jti = uuid7(nowMs, systemRandom.bytes(10));
    const nowS = Math.floor(nowMs / 1000);
    const compact = signOp(
      {
        aud: this.#audience,
        jti,
        iat: nowS,
        exp: nowS + 3600,
        seq: number + 1,
        op: "component.deploy",
        target: `flags-${number % TARGETS}`,
        scope: "platform",
        expected_state_version: Math.floor(number / TARGETS),
        args: { component: "flags", settings: { rollout_percent: Math.floor(number / TARGETS) % 101, banner: `release ${number}` } },
      },
      this.#key,
    );
    await this.#bus.publish(this.#subject, compact);
    return { number, jti };
  }
}

/** Works as the workspace's first operator. */
export async function asOperator<T>(workspace: Place, work: (operator: Operator, person: Person) => Promise<T>): Promise<T> {
  const { world } = workspace;
  const actor = await actorFor({}, { env: {} }, world.layout, world.workspace);
  const person = personAt(actor, world.layout, world.workspace, world.options);
  return await withSubmitter(person, (_, bus) => person.key.unlock().then((key) => work(new Operator(bus, key, workspace), person)));
}

export interface Ended {
  readonly jti: string;
  readonly status: string;
  /** When this process learned of it, milliseconds since 1970. */
  readonly seenMs: number;
}

/** Calls `told` for each op that ends, until the signal fires. Resolves when listening. */
export async function watchEnds(workspace: Place, signal: AbortSignal, told: (ended: Ended) => void): Promise<void> {
  const { layout, workspace: file } = workspace.world;
  const [first = ""] = file.people.operators;
  const token = (await readSecretFile(layout.tokenFile(first))).trim();
  const url = `http://127.0.0.1:${file.ports.orchestrator}/api/v1/workspaces/${file.workspace}/events`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal });
  if (!response.ok || response.body === null) throw new Error(`the orchestrator's events answer ${response.status}`);
  const { body } = response;
  void (async () => {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const chunk of body) {
        const seenMs = performance.timeOrigin + performance.now();
        text += decoder.decode(chunk, { stream: true });
        for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
          const ended = endIn(text.slice(0, at), seenMs);
          text = text.slice(at + 2);
          if (ended !== undefined) told(ended);
        }
      }
    } catch {
      // The orchestrator is gone, or nobody listens any more: who waits for an end has a deadline.
    }
  })();
}

function endIn(block: string, seenMs: number): Ended | undefined {
  if (!block.includes("event: op.finished")) return undefined;
  const line = block.split("\n").find((each) => each.startsWith("data: "));
  const { data } = JSON.parse(line?.slice("data: ".length) ?? "{}") as { data?: { jti?: unknown; status?: unknown } };
  return typeof data?.jti === "string" ? { jti: data.jti, status: String(data.status), seenMs } : undefined;
}
