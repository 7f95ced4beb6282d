// The machine of some principals: `seat-main.ts go-on|resend HOME NATS-PORT ORCHESTRATOR-PORT PRINCIPAL…`. Signs, stores, sends, approves, and watches for outcomes.
//
// 1. An op is sent until the broker confirmed it, and never again after that: what is lost later must not be healed from here.
//    Only after a loss that was made on purpose it is told to send again what has no outcome.
// 2. Ops of one key are sent in the order of their numbers; approvals are given as often as it takes.
// 3. It may be killed at any time. The next one goes on with what the outboxes hold.
import type { Bus } from "@triplane/bus";
import { actorFor, asReviewer, connectAs, homeLayout, identityOf, type Person, personAt, planOp, readWorkspaceFile } from "@triplane/cli";
import { type Did, formatAudience, subjects, verifyAuditRecord } from "@triplane/contract";
import { approve, reject } from "@triplane/keeper";
import { silentLogger, sleep, systemClock, systemRandom } from "@triplane/kit";
import { type OpDraft, type OpOutcome, type OutboxOp, Submitter } from "@triplane/submitter";
import type { LoadStep, SeatOrder, SeatReport } from "./step.ts";

const AROUND = { clock: systemClock, random: systemRandom } as const;
const RETRY_MS = 500;
const LOOK_EVERY_MS = 150;
// A word that was given may have been lost with its answer, so it is given again.
const SPEAK_AGAIN_MS = 5_000;
const REVIEWERS = ["ana", "ben", "cleo"];

const [how = "go-on", root = "", natsPort = "", orchestratorPort = "", ...principals] = process.argv.slice(2);
const layout = homeLayout(root);
const home = await readWorkspaceFile(layout);
const workspace = { ...home, ports: { ...home.ports, nats: Number(natsPort), orchestrator: Number(orchestratorPort) } };

function tell(report: SeatReport): void {
  process.send?.(report);
}

class Sitter {
  readonly person: Person;
  readonly #words = new Map<string, LoadStep["words"]>();
  readonly #spokenMs = new Map<string, number>();
  readonly #waiting = new Set<string>();
  #line: Promise<void> = Promise.resolve();
  #open: { readonly bus: Bus; readonly submitter: Submitter } | undefined;

  constructor(person: Person) {
    this.person = person;
  }

  /** Takes up what an earlier process of this seat left. */
  async resume(): Promise<void> {
    const left = await this.person.outbox.pending();
    // What a seat that died was told to say is not known any more; everybody else approves then.
    const others = REVIEWERS.filter((name) => name !== this.person.principal);
    for (const op of left) {
      this.#watch(op);
      if (op.claims.op === "component.remove")
        this.#words.set(
          op.entry.jti,
          others.map((principal) => ({ principal, word: "approve" })),
        );
    }
    if (how === "resend") {
      // The outcome of what an earlier process finished as it died was told to nobody.
      for (const { entry } of await this.person.outbox.list()) if (entry.outcome !== undefined) this.#tellOutcome(entry.jti, entry.outcome);
      this.#enqueue(async () => {
        await this.#untilDone(async () => void (await (await this.#connected()).submitter.resendAll()));
        tell({ told: "resent", issuer: this.person.principal });
      });
      return;
    }
    const last = left.at(-1);
    // Sends those before it that were never confirmed, too.
    if (last !== undefined) this.#enqueue(() => this.#send(last));
  }

  order(order: SeatOrder): void {
    const { step } = order;
    this.#enqueue(() => this.#submit(order).finally(() => tell({ told: "worked", id: step.id })));
  }

  /** Looks for outcomes and reviews, one op at a time, for as long as the process lives. */
  async look(): Promise<never> {
    for (;;) {
      for (const jti of [...this.#waiting]) {
        await sleep(LOOK_EVERY_MS / Math.max(1, this.#waiting.size / 10));
        await this.#lookAt(jti).catch(() => this.#reconnectLater());
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  #enqueue(work: () => Promise<void>): void {
    this.#line = this.#line.then(work).catch((error: unknown) => void process.stderr.write(`${String(error)}\n`));
  }

  async #submit(order: SeatOrder): Promise<void> {
    const { person } = this;
    const { step } = order;
    const op = await person.outbox.prepare(await draftOf(person, order), person.key);
    tell({ told: "stored", id: step.id, issuer: step.issuer, jti: op.entry.jti, target: step.target });
    if (step.words.length > 0) this.#words.set(op.entry.jti, step.words);
    this.#watch(op);
    await this.#send(op);
    if (step.twice) {
      await this.#untilDone(async () => void (await (await this.#connected()).bus.publish(this.#pending, op.entry.op)));
    }
  }

  async #send(op: OutboxOp): Promise<void> {
    await this.#untilDone(async () => void (await (await this.#connected()).submitter.send(op)));
    tell({ told: "sent", jti: op.entry.jti });
  }

  #watch(op: OutboxOp): void {
    this.#waiting.add(op.entry.jti);
  }

  async #lookAt(jti: string): Promise<void> {
    const { submitter } = await this.#connected();
    const found = await submitter.stage(jti);
    // That it waits for people is only told once, and may be lost with who told it; people look at what is open themselves.
    if (found.stage !== "outcome") return await this.#speak(jti);
    this.#waiting.delete(jti);
    this.#words.delete(jti);
    this.#spokenMs.delete(jti);
    this.#tellOutcome(jti, found.outcome);
  }

  #tellOutcome(jti: string, { outcome, code, record }: OpOutcome): void {
    const { target = "", state_version_after: versionAfter } = verifyAuditRecord(record).claims;
    tell({
      ...{ told: "outcome", issuer: this.person.principal, jti, target, outcome },
      ...(code === undefined ? {} : { code }),
      ...(versionAfter === undefined ? {} : { versionAfter }),
    });
  }

  async #speak(jti: string): Promise<void> {
    if (!this.#words.has(jti)) return;
    if (performance.now() - (this.#spokenMs.get(jti) ?? Number.NEGATIVE_INFINITY) < SPEAK_AGAIN_MS) return;
    this.#spokenMs.set(jti, performance.now());
    const words = this.#words.get(jti) ?? [];
    for (const { principal, word } of words) await speak(principal, word, jti).catch(() => undefined);
  }

  get #pending(): string {
    return subjects(workspace.workspace).pending;
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await work();
      } catch {
        await this.#reconnectLater();
      }
    }
  }

  async #connected() {
    const { principal, outbox } = this.person;
    if (this.#open === undefined) {
      const bus = await connectAs(identityOf(principal, workspace), layout, workspace, AROUND);
      const trust = { controllerDid: workspace.pins.controller as Did, audience: formatAudience(audienceOf()) };
      const parts = { ...trust, ...AROUND, outbox, bus, workspace: workspace.workspace, principal, logger: silentLogger };
      this.#open = { bus, submitter: new Submitter(parts) };
      void bus.closed.then(() => {
        this.#open = undefined;
      });
    }
    return this.#open;
  }

  async #reconnectLater(): Promise<void> {
    await sleep(RETRY_MS);
  }
}

function audienceOf() {
  return { workspace: workspace.workspace, policyRid: workspace.pins.policy.rid };
}

/** Planned where the step asks for it and the orchestrator answers; else for the version that it probably has. */
async function draftOf(person: Person, { step, expectedVersion, askFirst }: SeatOrder): Promise<OpDraft> {
  const { op, target, args, scope, expiresInS } = step;
  const guess = { op, target, args, scope, expiresInS, expected_state_version: Math.max(0, expectedVersion + step.versionError) };
  if (!askFirst) return guess;
  return await planOp(person, { op, target, args, scope, expiresInS }).then(
    ({ draft }) => draft,
    () => guess,
  );
}

async function speak(principal: string, word: "approve" | "reject", jti: string): Promise<void> {
  const person = await personOf(principal);
  await asReviewer(person, (deps) => (word === "approve" ? approve : reject)(deps, { jti, key: person.key }));
}

async function personOf(principal: string): Promise<Person> {
  return personAt(await actorFor({ as: principal }, { env: {} }, layout, workspace), layout, workspace, AROUND);
}

const sitters = new Map<string, Sitter>();
for (const principal of principals) {
  const sitter = new Sitter(await personOf(principal));
  sitters.set(principal, sitter);
  await sitter.resume();
  void sitter.look();
}
process.on("message", (order: SeatOrder) => sitters.get(order.step.issuer)?.order(order));
process.on("disconnect", () => process.exit(0));
tell({ told: "ready" });
