// User data as cloud-init would read it, as far as a runner can follow: `#cloud-config` in JSON, which is what Triplane writes.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";

export interface UserData {
  readonly hostKey: { readonly private: string; readonly public: string } | undefined;
  readonly authorizedKeys: readonly string[];
  /** A command of the first boot switches the machine off at this time. Seconds since 1970. */
  readonly offAtS: number | undefined;
  /** … so long after it was started. Seconds. */
  readonly offAfterS: number | undefined;
  /** It switches itself off when its work is done. */
  readonly powersOff: boolean;
}

const MAX_CHARS = 32 * 1024;
const HEAD = "#cloud-config\n";

const schema = z.object({
  ssh_keys: z.object({ ed25519_private: z.string().max(4096), ed25519_public: z.string().max(512) }).optional(),
  ssh_authorized_keys: z.array(z.string().max(1024)).max(100).default([]),
  bootcmd: z.array(z.union([z.string(), z.array(z.string())])).default([]),
  power_state: z.unknown().optional(),
});

/** Throws `provider_failed` for what is not JSON: cloud-init would read it, we would guess. */
export function readUserData(text: string): UserData {
  if (text.trim() === "") return { hostKey: undefined, authorizedKeys: [], offAtS: undefined, offAfterS: undefined, powersOff: false };
  const config = parse(text);
  const words = config.bootcmd.filter((command) => Array.isArray(command) && command[0] === "systemd-run").flat();
  const { ssh_keys: keys } = config;
  return {
    hostKey: keys === undefined ? undefined : { private: keys.ed25519_private, public: keys.ed25519_public.trim() },
    authorizedKeys: config.ssh_authorized_keys,
    offAtS: firstOf(
      words,
      /^--on-calendar=(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/,
      ([, day, time]) => Date.parse(`${day}T${time}Z`) / 1000,
    ),
    offAfterS: firstOf(words, /^--on-boot=(\d{1,9})s$/, ([, seconds]) => Number(seconds)),
    powersOff: config.power_state !== undefined,
  };
}

function parse(text: string): z.output<typeof schema> {
  let json: unknown;
  try {
    json = text.length <= MAX_CHARS && text.startsWith(HEAD) ? JSON.parse(text.slice(HEAD.length)) : undefined;
  } catch {
    json = undefined;
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new TriplaneError("provider_failed", "the user data is not `#cloud-config` followed by JSON: a runner cannot follow it");
}

function firstOf(words: readonly string[], pattern: RegExp, read: (match: RegExpExecArray) => number): number | undefined {
  for (const word of words) {
    const match = pattern.exec(word);
    const value = match === null ? Number.NaN : read(match);
    if (Number.isSafeInteger(value)) return value;
  }
  return undefined;
}
