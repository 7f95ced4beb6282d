// Failures of a person's own key: locked files, and agents that sign.
import { failureEntries } from "./entry.ts";

export const KEY_FAILURES = failureEntries({
  key_locked: {
    httpStatus: 403,
    retry: "no",
    what: "The key file is locked with a passphrase, and there is nobody to ask for it.",
    hint: "Sit at a terminal, name a file with TRIPLANE_PASSPHRASE_FILE, or use an ssh-agent: --key agent:DID. A daemon's key file is not locked.",
  },
  passphrase_wrong: {
    httpStatus: 403,
    retry: "no",
    what: "The passphrase does not open the key file.",
    hint: "Try again. A forgotten passphrase cannot be recovered: then the key is lost (docs/how-to/lose-a-key.md).",
  },
  agent_unavailable: {
    httpStatus: 503,
    retry: "later",
    what: "There is no ssh-agent, or it does not answer.",
    hint: "Start one and add the key: `eval $(ssh-agent); ssh-add FILE`. SSH_AUTH_SOCK says where it listens.",
  },
  agent_refused: {
    httpStatus: 403,
    retry: "no",
    what: "The ssh-agent did not sign, or what it answered is no signature of the key.",
    hint: "`ssh-add -l` shows what it holds, `ssh-add -X` unlocks it; an agent that asks its owner waits for them.",
  },
});
