// Git objects and Radicle documents as a clone brings them.
import { generateSigningKey } from "@triplane/contract";
import {
  decodeCommit,
  decodeDocument,
  decodeTree,
  encodeCommit,
  encodeDocument,
  encodeTree,
  readCheckpoint,
  signCheckpoint,
  signSshsig,
  verifySshsig,
} from "@triplane/ledger";
import { bytesOf, type Door, textOf } from "../door.ts";

const ID = "0123456789abcdef0123456789abcdef01234567";
const OTHER = "89abcdef0123456789abcdef0123456789abcdef";
const WHO = "ops-controller <z6Mk> 1790000000 +0000";

export async function commits(): Promise<Door> {
  const key = generateSigningKey();
  const fields = { tree: ID, parents: [OTHER], author: WHO, committer: WHO, message: "A batch\n\nJti: x\nChain: sha256:00\n" };
  return {
    seeds: [
      encodeCommit(fields),
      encodeCommit({ ...fields, parents: [], message: "" }),
      encodeCommit({ ...fields, signature: await signSshsig(encodeCommit(fields), "git", key) }),
    ],
    words: ["tree ", "parent ", "author ", "committer ", "gpgsig ", "encoding ", "mergetag object ", " +0000\n", "\n\n"],
    enter: (input) => {
      decodeCommit(input);
    },
  };
}

export function trees(): Door {
  return {
    seeds: [
      encodeTree([
        { mode: "100644", name: "checkpoint", id: ID },
        { mode: "40000", name: "records", id: OTHER },
      ]),
      encodeTree([]),
    ],
    words: ["100644 a\0", "40000 ..\0", "40000 .git\0", "160000 x\0", "120000 link\0", "040000 a\0"],
    enter: (input) => {
      decodeTree(input);
    },
  };
}

export function identityDocuments(): Door {
  const delegates = [generateSigningKey().did, generateSigningKey().did, generateSigningKey().did];
  const common = { description: "d", defaultBranch: "main" };
  return {
    seeds: [
      bytesOf(encodeDocument({ ...common, name: "policy-libre-wuji", delegates, threshold: 2 })),
      bytesOf(encodeDocument({ ...common, name: "libre-wuji-state", delegates: delegates.slice(0, 1), threshold: 1 })),
    ],
    words: ["delegates", "threshold", "payload", "xyz.radicle.project", "visibility", "canonicalRefs", "version", ...delegates],
    enter: (input) => {
      decodeDocument(input);
    },
  };
}

/** The armoured signature of a commit; the message is the one that was signed. */
export async function sshSignatures(): Promise<Door> {
  const message = bytesOf("tree\n");
  const seeds = [await signSshsig(message, "git", generateSigningKey()), await signSshsig(message, "radicle", generateSigningKey())];
  return {
    seeds: seeds.map(bytesOf),
    words: ["-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----", "U1NIU0lH", "AAAA", "====", "\n"],
    enter: (input) => {
      verifySshsig(message, "git", textOf(input));
    },
  };
}

/** A signed note of the ledger's size and root. */
export function checkpoints(): Door {
  const key = generateSigningKey();
  const origin = "triplane/libre-wuji/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
  const { note } = signCheckpoint(origin, 12, new Uint8Array(32), 1_790_000_000_000, key);
  return {
    seeds: [bytesOf(note)],
    words: ["\u2014 ", "\n\n", origin, "=\n"],
    enter: (input) => {
      readCheckpoint(textOf(input), origin, key.did);
    },
  };
}
