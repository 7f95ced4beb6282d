// A canary: a runner made from a candidate as the pool makes runners, with keys of its own, destroyed whatever became of it. `runner-always-destroyed`
import { failpoint, signingKeyFromSeed, TriplaneError, toTriplaneError } from "@triplane/contract";
import { openOpensshKey, opensshPublicKey, sleep } from "@triplane/kit";
import type { Image, Offer, Provider, Server, ServerSpec } from "@triplane/vm-pool";
import { goldenServerLabels } from "./images.ts";
import { type CanaryLogin, type GoldenParts, nowSOf, type ShellEnd } from "./parts.ts";

export interface Canary {
  readonly name: string;
  /** Throws as `CanaryShell`. */
  run(script: string, signal: AbortSignal): Promise<ShellEnd>;
}

const CANARY_S = 3600;
const MAX_OFFERS = 8;
const DESTROY_TRIES = 5;
const CALL_MS = 10 * 60_000;

/** Boots a canary, lets `use` work on it, destroys it. Throws `golden_smoke_failed` where it does not boot, and what `use` throws. */
export async function withCanary<T>(
  parts: GoldenParts,
  image: Image,
  version: string,
  use: (canary: Canary) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const name = `canary-${version}`;
  const [key, host] = [newKey(parts), newKey(parts)];
  const nowS = nowSOf(parts);
  const spec: Omit<ServerSpec, "offer"> = {
    ...{ name, image: image.id, authorizedKey: key.public, hostKey: host, deadManAtS: nowS + CANARY_S },
    labels: goldenServerLabels(name, parts.builder, nowS + CANARY_S),
  };
  let made: Server | undefined;
  try {
    made = await create(parts, spec, signal);
    failpoint("golden.after-canary");
    const login = await booted(parts, made, { key: key.private, hostKey: host.public }, signal);
    return await use({ name, run: (script, runSignal) => parts.shell(login, script, runSignal) });
  } finally {
    await destroyCanary(parts, name, made?.id);
  }
}

/** On the first offer that is to be had. Throws what the last one said. */
async function create(parts: GoldenParts, spec: Omit<ServerSpec, "offer">, signal: AbortSignal): Promise<Server> {
  const offers = (await parts.provider.offers(signal)).filter(({ platform }) => platform === parts.platform);
  let last = new TriplaneError("provider_unavailable", `nothing is offered for ${parts.platform}`);
  for (const offer of offers.slice(0, MAX_OFFERS)) {
    parts.say(`${spec.name}: ${place(offer)} …`);
    failpoint("golden.before-canary");
    try {
      return await parts.provider.create({ ...spec, offer }, signal);
    } catch (error) {
      last = toTriplaneError(error);
      // It may be there, with the keys that it was asked for with.
      if (last.code === "provider_unknown_outcome" || last.code === "provider_name_taken") {
        const there = await parts.provider.find(spec.name, AbortSignal.timeout(CALL_MS));
        if (there?.labels?.lease === spec.name && there.labels.tenant === parts.builder) return there;
      }
      if (last.code !== "provider_unavailable" && last.code !== "provider_unknown_outcome") throw last;
    }
  }
  throw last;
}

async function booted(
  parts: GoldenParts,
  made: Server,
  keys: Pick<CanaryLogin, "key" | "hostKey">,
  signal: AbortSignal,
): Promise<CanaryLogin> {
  const { provider, clock, shell, pollMs } = parts;
  const untilMs = clock.nowMs() + parts.bootWithinMs;
  let last = "it has no address yet";
  for (let address = made.address; ; ) {
    if (address !== undefined) {
      const login = { ...keys, address };
      try {
        const { exitCode, stderr } = await shell(login, READY, signal);
        if (exitCode === 0) return login;
        last = `buildkitd does not answer: ${lastLine(stderr)}`;
      } catch (error) {
        const { code, message } = toTriplaneError(error);
        if (code === "runner_host_key") throw new TriplaneError("golden_smoke_failed", message, { cause: error });
        if (code !== "runner_unreachable") throw error;
        last = message;
      }
    }
    if (signal.aborted) throw new TriplaneError("build_cancelled", "stopped before the canary was ready");
    if (clock.nowMs() > untilMs)
      throw new TriplaneError(
        "golden_smoke_failed",
        `${made.name} was not ready after ${Math.round(parts.bootWithinMs / 1000)} s: ${last}`,
      );
    await sleep(pollMs, signal);
    const now = await provider.find(made.name, signal);
    if (now === undefined || now.state === "stopped" || now.state === "ending")
      throw new TriplaneError("golden_smoke_failed", `${made.name} has gone while it booted${now === undefined ? "" : ` (${now.state})`}`);
    if (now.state === "running") address = now.address;
  }
}

/** Not given up at the first failure: a canary that stays costs money until the next sweep. */
async function destroyCanary(parts: GoldenParts, name: string, id: string | undefined): Promise<void> {
  const { provider } = parts;
  for (let tries = 1; ; tries += 1) {
    const signal = AbortSignal.timeout(CALL_MS);
    try {
      const there = id ?? (await ours(provider, name, parts.builder, signal));
      if (there !== undefined) await provider.destroy(there, signal);
      return;
    } catch (error) {
      const { code, message } = toTriplaneError(error);
      if (tries === DESTROY_TRIES) return parts.say(`${name} could not be destroyed, the next command will: ${message} (${code})`);
      parts.say(`${name}: destroying it failed, again: ${message}`);
      await sleep(Math.min(30_000, parts.pollMs * 2 ** tries));
    }
  }
}

async function ours(provider: Provider, name: string, builder: string, signal: AbortSignal): Promise<string | undefined> {
  const there = await provider.find(name, signal);
  return there?.labels?.lease === name && there.labels.tenant === builder ? there.id : undefined;
}

const READY = "buildctl debug workers";

function newKey({ random }: GoldenParts) {
  const key = signingKeyFromSeed(random.bytes(32));
  return { private: openOpensshKey(key, "triplane-golden"), public: opensshPublicKey(key.publicKey) };
}

function place({ type, location }: Offer): string {
  return `${type} in ${location}`;
}

export function lastLine(text: string): string {
  return (text.trim().split("\n").at(-1) ?? "").slice(0, 300);
}
