// The controller's way to the orchestrator in place of HTTP: requests that arrive or not, answers that come back or not.
//
// 1. Who is not there, who dies before the answer, and what gets lost on the way all are `unavailable` to the caller.
// 2. A request that arrived is carried out whether or not anybody still waits for the answer.

import { type ApplyResult, isFailureCode, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Orchestrator } from "@triplane/controller";
import { sleep } from "@triplane/kit";
import type { OrchestratorService } from "@triplane/orchestrator";
import type { Faults, Planned, Scheduler, SimulatedProcess, Step } from "@triplane/testkit";
import type { Tally } from "./role.ts";

/** Where the API listens now. */
export interface Listening {
  readonly process: SimulatedProcess;
  readonly service: Pick<OrchestratorService, "apply" | "op">;
}

export interface RemoteOptions {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  /** Undefined where nobody listens. */
  readonly listening: () => Listening | undefined;
  readonly tally: Tally;
}

/** As ops-controller has it. */
const REQUEST_TIMEOUT_MS = 30_000;
/** As an orchestrator under little patience has it: a slow apply is answered with `running`. */
const APPLY_WAIT_MS = 2000;

export function remoteOrchestrator(options: RemoteOptions, caller: SimulatedProcess): Orchestrator {
  return {
    op: (jti, signal) => request(options, caller, "http.ask", signal, (service) => service.op(jti)),
    apply: (call, signal) =>
      request(options, caller, "http.apply", signal, (service) => {
        // What travels is text.
        const body: typeof call = JSON.parse(JSON.stringify(call));
        return applyOrRunning(service, body);
      }),
  };
}

/** What the API's handler does. */
async function applyOrRunning(service: Listening["service"], call: Parameters<OrchestratorService["apply"]>[0]): Promise<ApplyResult> {
  const applying = service.apply(call);
  applying.catch(() => undefined);
  const late = new AbortController();
  const waited = sleep(APPLY_WAIT_MS, late.signal).then(() => service.op(call.jti));
  waited.catch(() => undefined);
  return Promise.race([applying, waited]).finally(() => late.abort());
}

function request(
  { scheduler, faults, listening, tally }: RemoteOptions,
  caller: SimulatedProcess,
  step: Step,
  signal: AbortSignal,
  carryOut: (service: Listening["service"]) => Promise<ApplyResult>,
): Promise<ApplyResult> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let timer: Planned | undefined;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      signal.removeEventListener("abort", abort);
      settle();
    };
    const unclear = (why: string): void =>
      finish(() => reject(new TriplaneError("unavailable", `the orchestrator does not answer: ${why}`)));
    const abort = (): void => unclear("given up");
    const toCaller = (settle: () => void): void => void scheduler.plan(faults.delayMs(step, caller), caller, settle);
    const broken = (): void => toCaller(() => unclear("the connection broke"));
    const send = (): void => {
      timer = scheduler.plan(REQUEST_TIMEOUT_MS, caller, () => unclear("no answer in time"));
      signal.addEventListener("abort", abort, { once: true });
      const there = listening();
      if (signal.aborted) abort();
      else if (there === undefined) toCaller(() => unclear("nobody listens"));
      else if (faults.loses("request", step, caller)) broken();
      else arriveAt(there);
    };
    const arriveAt = ({ process, service }: Listening): void => {
      process.onDeath(broken);
      const answer = (settle: () => void): void => {
        faults.at("after", step, process);
        if (!process.alive) return;
        if (faults.loses("answer", step, caller)) broken();
        else toCaller(() => finish(settle));
      };
      scheduler.plan(faults.delayMs(step, caller), process, () => {
        carryOut(service).then(
          (result) => answer(() => resolve(JSON.parse(JSON.stringify(result)))),
          (error: unknown) => {
            // Also where the caller no longer listens.
            tally.count(`orchestrator: ${toTriplaneError(error).code}`);
            answer(() => reject(overTheWire(error)));
          },
        );
      });
    };
    faults.at("before", step, caller);
    scheduler.act(caller, send);
  });
}

function overTheWire(thrown: unknown): TriplaneError {
  const { code, message } = toTriplaneError(thrown);
  return isFailureCode(code) ? new TriplaneError(code, message) : new TriplaneError("unavailable", message);
}
