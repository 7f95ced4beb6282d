// The ledger, read commit by commit from git, with chain, Merkle tree, checkpoints, signatures and files derived here again.
import { createHash } from "node:crypto";
import { type GitCommit, gitLines, Objects } from "../git/git.ts";
import { blobId, type Governed, messageOf } from "../git/governed.ts";
import { openCheckpoint } from "../proof/checkpoint.ts";
import { GrowingTree, tilesOf } from "../proof/merkle.ts";
import { factsOfRecord, type RecordFacts } from "../proof/record.ts";
import { sshSigner } from "../proof/sshsig.ts";
import { openSuccession, type Tenure } from "../proof/succession.ts";

export interface LedgerRecord extends RecordFacts {
  readonly index: number;
  readonly commit: string;
}

/** Something about the ledger itself, not about what a record says. */
export interface LedgerFault {
  readonly what: string;
  readonly index: number | undefined;
  readonly commit: string | undefined;
}

export interface Ledger {
  readonly repo: string;
  readonly head: string | undefined;
  readonly commits: number;
  readonly records: readonly LedgerRecord[];
  readonly bySubject: ReadonlyMap<string, LedgerRecord>;
  readonly faults: readonly LedgerFault[];
  /** Who answers for which records, the founder first. */
  readonly tenures: readonly Tenure[];
}

export interface LedgerTerms {
  readonly workspace: string;
  readonly rid: string;
}

/** Reads a ledger as far as it is, and later what was added; all that was read stays in memory, reduced to facts. */
export class LedgerReading {
  readonly #terms: LedgerTerms;
  readonly #records: LedgerRecord[] = [];
  readonly #bySubject = new Map<string, LedgerRecord>();
  readonly #faults: LedgerFault[] = [];
  readonly #tree = new GrowingTree();
  readonly #subjects: string[] = [];
  readonly #tenures: Tenure[] = [];
  readonly #successions: string[] = [];
  #chain: Buffer;
  #timeMs = 0;
  #head: string | undefined;
  #commits = 0;

  constructor(terms: LedgerTerms) {
    this.#terms = terms;
    this.#chain = createHash("sha256").update("triplane-ledger-genesis-v1\n").update(terms.rid).digest();
  }

  /** All keys that are or were the ops-controller's, as far as was read. */
  get controllers(): ReadonlySet<string> {
    return new Set(this.#tenures.map(({ controller }) => controller));
  }

  get size(): number {
    return this.#records.length;
  }

  /** Goes on to the head that the controller signed. */
  async readOn(governed: Governed): Promise<void> {
    const [founder] = governed.revisions[0]?.document.delegates ?? [];
    if (this.#tenures.length === 0 && founder !== undefined) this.#tenures.push({ controller: founder, from: 0 });
    const head = governed.signed.get(governed.document.delegates[0] ?? "")?.get("refs/heads/main");
    if (head === undefined) {
      if (this.#head !== undefined) this.#fault("the controller no longer signs a head of the ledger", undefined, this.#head);
      return;
    }
    if (head === this.#head) return;
    const range = this.#head === undefined ? [head] : [`${this.#head}..${head}`];
    const lines = await gitLines(governed.repo, ["rev-list", "--reverse", "--topo-order", "--parents", ...range]);
    using objects = new Objects(governed.repo);
    for (const line of lines) {
      const [id = "", ...parents] = line.split(" ");
      if (parents.length > 1 || parents[0] !== this.#head) {
        this.#fault(`commit ${id} does not follow ${this.#head ?? "nothing"}: the ledger's history is not one line`, undefined, id);
        return;
      }
      await this.#readBatch(objects, id);
      this.#head = id;
      this.#commits += 1;
    }
    await this.#compareFiles(governed.repo, head);
    const named = governed.revisions.filter(({ accepted }) => accepted).map(({ document }) => document.delegates.join("+"));
    const handed = this.#tenures.map(({ controller }) => controller);
    if (named.join() !== handed.join())
      this.#fault(
        `the identity names ${named.join(", then ")} as the controller, and the ledger went to ${handed.join(", then ")}`,
        undefined,
        head,
      );
  }

  result(repo: string): Ledger {
    return {
      repo,
      head: this.#head,
      commits: this.#commits,
      records: this.#records,
      bySubject: this.#bySubject,
      faults: this.#faults,
      tenures: this.#tenures,
    };
  }

  async #readBatch(objects: Objects, id: string): Promise<void> {
    const first = this.#records.length;
    const commit = await objects.commit(id);
    if (commit.message.startsWith("Hand over at ")) return await this.#readHandOver(objects, id, commit);
    const content = await objects.blob(`${id}:${batchPath(first)}`);
    if (content === undefined) {
      this.#fault(`${batchPath(first)} is missing`, first, id);
      return;
    }
    const lines = content.toString("latin1").split("\n");
    if (lines.pop() !== "") this.#fault(`${batchPath(first)} does not end with its last record`, first, id);
    for (const line of lines) this.#takeRecord(line, id);
    this.#checkCommit(commit, id, first);
    await this.#checkCheckpoint(objects, id);
  }

  /** The commit by which one key hands over to the next: no records, one line more in `successions`. */
  async #readHandOver(objects: Objects, id: string, commit: GitCommit): Promise<void> {
    const size = this.#records.length;
    const lines = (await objects.blob(`${id}:successions`))?.toString("latin1").split("\n") ?? [];
    const compact = lines.at(-2) ?? "";
    const chain = `sha256:${this.#chain.toString("hex")}`;
    this.#checkSigner(commit, id, size);
    if (lines.join("\n") !== [...this.#successions, compact, ""].join("\n")) {
      this.#fault(`the successions of commit ${id} are not those before it and one more`, size, id);
      return;
    }
    try {
      const claims = openSuccession(compact);
      const expected = {
        iss: this.#controller,
        state_rid: this.#terms.rid,
        size,
        root: this.#tree.root().toString("base64"),
        chain_head: chain,
      };
      for (const [name, value] of Object.entries(expected))
        if (claims[name as keyof typeof expected] !== value)
          this.#fault(`the succession of commit ${id} says ${name} ${claims[name as keyof typeof expected]}; it is ${value}`, size, id);
      if (!claims.aud.startsWith(`${this.#terms.workspace}/`)) this.#fault(`the succession of commit ${id} is for ${claims.aud}`, size, id);
      if (this.controllers.has(claims.to)) this.#fault(`commit ${id} gives the ledger back to ${claims.to}`, size, id);
      if (commit.message !== `Hand over at ${size}\n\nTo: ${claims.to}\nChain: ${chain}\n`)
        this.#fault(`the message of commit ${id} is not what its succession makes it`, size, id);
      this.#tenures.push({ controller: claims.to, from: size });
      this.#successions.push(compact);
    } catch (thrown) {
      this.#fault(`the succession of commit ${id}: ${messageOf(thrown)}`, size, id);
    }
    await this.#checkCheckpoint(objects, id);
  }

  get #controller(): string {
    return this.#tenures.at(-1)?.controller ?? "";
  }

  #takeRecord(compact: string, commit: string): void {
    const index = this.#records.length;
    const recordHash = createHash("sha256").update(compact, "latin1").digest();
    this.#chain = createHash("sha256").update("triplane-ledger-link-v1\n").update(this.#chain).update(recordHash).digest();
    this.#tree.append(compact);
    let record: LedgerRecord;
    try {
      record = { ...factsOfRecord(compact), index, commit };
    } catch (thrown) {
      this.#fault(`record ${index} cannot be read: ${messageOf(thrown)}`, index, commit);
      record = unreadable(index, commit);
    }
    this.#records.push(record);
    this.#subjects.push(record.subject);
    const earlier = this.#bySubject.get(record.subject);
    if (earlier === undefined) this.#bySubject.set(record.subject, record);
    else this.#fault(`records ${earlier.index} and ${index} are both about ${record.subject}`, index, commit);
  }

  #checkCommit(commit: GitCommit, id: string, first: number): void {
    const subjects = this.#subjects.slice(first);
    const last = this.#records.length - 1;
    const title = subjects.length === 1 ? `Record ${first}` : `Record ${first} to ${last}`;
    const message = [title, "", ...subjects.map((subject) => `Jti: ${subject}`), `Chain: sha256:${this.#chain.toString("hex")}`, ""].join(
      "\n",
    );
    if (commit.message !== message) this.#fault(`the message of commit ${id} is not what its records and the chain make it`, first, id);
    this.#checkSigner(commit, id, first);
  }

  #checkSigner(commit: GitCommit, id: string, first: number): void {
    try {
      const signer = sshSigner(commit.unsigned, "git", commit.signature ?? "");
      if (signer !== this.#controller) this.#fault(`commit ${id} is signed by ${signer}, not by the controller`, first, id);
    } catch (thrown) {
      this.#fault(`the signature of commit ${id} does not hold: ${messageOf(thrown)}`, first, id);
    }
  }

  async #checkCheckpoint(objects: Objects, id: string): Promise<void> {
    const { workspace, rid } = this.#terms;
    const size = this.#records.length;
    try {
      const note = (await objects.blob(`${id}:checkpoint`))?.toString("utf8") ?? "";
      const checkpoint = openCheckpoint(note, `triplane/${workspace}/${rid}`, this.#controller);
      const root = this.#tree.root().toString("base64");
      if (checkpoint.size !== size || checkpoint.root !== root)
        this.#fault(
          `the checkpoint of commit ${id} says ${checkpoint.size} records with root ${checkpoint.root}; there are ${size} with ${root}`,
          size - 1,
          id,
        );
      if (checkpoint.timeMs < this.#timeMs) this.#fault(`the checkpoint of commit ${id} is older than the one before it`, size - 1, id);
      this.#timeMs = checkpoint.timeMs;
    } catch (thrown) {
      this.#fault(`commit ${id}: ${messageOf(thrown)}`, size - 1, id);
    }
  }

  /** The head's tree holds what the records make and nothing else. */
  async #compareFiles(repo: string, head: string): Promise<void> {
    const lines = await gitLines(repo, ["-c", "core.quotePath=false", "ls-tree", "-r", head]);
    const present = new Map(lines.map((line): [string, string] => [line.slice(line.indexOf("\t") + 1), line.slice(12, 52)]));
    const expected = new Map<string, string | undefined>();
    for (const [path, content] of tilesOf(this.#tree.leaves)) expected.set(path, blobId(content));
    for (const [path, content] of this.#indexFiles()) expected.set(path, blobId(content));
    if (this.#successions.length > 0)
      expected.set("successions", blobId(Buffer.from(this.#successions.map((line) => `${line}\n`).join(""), "latin1")));
    for (const [path, id] of present) {
      // Batches and the checkpoint were compared commit by commit.
      if (path === "checkpoint" || path.startsWith("records/")) continue;
      if (expected.get(path) !== id) this.#fault(`${path} at the head ${head} is not what the records make it`, undefined, head);
      expected.delete(path);
    }
    for (const path of expected.keys()) this.#fault(`${path} is missing at the head ${head}`, undefined, head);
  }

  /** Eight bytes of SHA-256(subject) for each record, 4096 records a file, numbered as tiles are. */
  #indexFiles(): ReadonlyMap<string, Buffer> {
    const keys = this.#subjects.map((subject) => createHash("sha256").update(subject).digest().subarray(0, 8));
    const files = new Map<string, Buffer>();
    for (let first = 0; first < keys.length; first += 4096) {
      const part = keys.slice(first, first + 4096);
      const [last = "", ...folders] = (first / 4096)
        .toString()
        .replace(/\B(?=(?:\d{3})+$)/g, ",")
        .split(",")
        .map((digits) => digits.padStart(3, "0"))
        .reverse();
      const path = ["index", ...folders.reverse().map((digits) => `x${digits}`), last].join("/");
      files.set(part.length === 4096 ? path : `${path}.p/${part.length}`, Buffer.concat(part));
    }
    return files;
  }

  #fault(what: string, index: number | undefined, commit: string | undefined): void {
    this.#faults.push({ what, index, commit });
  }
}

function batchPath(first: number): string {
  const name = String(first).padStart(12, "0");
  return `records/${name.slice(0, 6)}/${name.slice(6, 9)}/${name}.jsonl`;
}

function unreadable(index: number, commit: string): LedgerRecord {
  const none = { code: undefined, target: undefined, versions: undefined, decision: undefined };
  return {
    ...{ index, commit, digest: "", signer: "", subject: `unreadable record ${index}`, audience: "" },
    ...{ basis: "refusal", outcome: "refused", acceptedAtS: 0, finishedAtS: 0, problems: ["it cannot be read"], ...none },
  };
}
