// Runs a Radicle node that replicates given repositories, keeps it busy, and says over HTTP where it stands.
//
// 1. The node dials the peers it is told and no other; its key is made on the first start and stays in --home.
// 2. Its storage may be written by others (the ledger's writer, an approval): signed refs that moved there are announced.
// 3. Gossip is fast, not sure. So each repository is also fetched from every connected peer now and then: who was away catches up.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, lstat, mkdir, rename, rmdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { ask } from "./control.mjs";
import { nodeConfiguration } from "./node-config.mjs";

const RID = /^rad:z[1-9A-HJ-NP-Za-km-z]{20,40}$/;
const MAX_SOCKET_PATH_BYTES = 107;
const LOOK_MS = 2_000;
const FETCH_EVERY_MS = 30_000;
const run = promisify(execFile);

const names = ["rad", "radicle-node", "home", "port", "health-port", "host", "external", "alias", "repositories", "peers", "storage"];
const { values: options } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string", default: "" }])) });
const home = options.home;
const list = (text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
const rids = list(options.repositories);
for (const rid of rids) if (!RID.test(rid)) throw new Error(`${JSON.stringify(rid)} is not a repository id`);
if (options.storage !== "" && !isAbsolute(options.storage)) throw new Error("--storage must be an absolute path");

const listen = [`${options.host === "" ? "127.0.0.1" : options.host}:${options.port}`];
const configuration = nodeConfiguration({
  alias: options.alias,
  listen,
  connect: list(options.peers),
  externalAddresses: list(options.external),
});
const socketPath = await shortSocketPath(join(home, "node", "control.sock"));
const env = {
  ...process.env,
  HOME: home,
  RAD_HOME: home,
  RAD_SOCKET: socketPath,
  // The node's key is of no use to anyone: it votes nowhere. A passphrase beside it would protect nothing.
  RAD_PASSPHRASE: "",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};
const storage = join(home, "storage");
const announced = new Map();
const state = { nid: undefined, ready: false, problem: "starting" };

await prepareHome();
const node = spawn(options["radicle-node"], ["--force"], { cwd: home, env, stdio: ["ignore", "inherit", "inherit"] });
node.once("error", (error) => fail(`radicle-node does not start: ${error.message}`));
node.once("exit", (code, signal) => (stopping ? process.exit(0) : fail(`radicle-node ended (${signal ?? code})`)));
let stopping = false;
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop);
createServer(answer).listen(Number(options["health-port"]), "127.0.0.1");
let fetchedMs = 0;
await look();

/** One round after another, for as long as the process lives. */
async function look() {
  try {
    state.nid = await ask(socketPath, { command: "nodeId" });
    if (!state.ready) for (const rid of rids) await ask(socketPath, { command: "seed", rid, scope: "all" });
    state.ready = true;
    state.problem = undefined;
    // A repository without a head, as a ledger is before its first record, cannot be offered yet; what fetches it must not wait for that.
    for (const rid of rids)
      await announceWhatMoved(rid).catch((error) => process.stderr.write(`${rid} cannot be announced yet: ${error.message}\n`));
    const missing = await Promise.all(rids.map(async (rid) => !(await holds(rid))));
    if (missing.includes(true) || Date.now() - fetchedMs > FETCH_EVERY_MS) await fetchAll();
  } catch (error) {
    state.problem = error.message;
  }
  setTimeout(look, LOOK_MS);
}

/** Announces the namespaces of a repository whose signed refs are not those announced last. */
async function announceWhatMoved(rid) {
  if (!(await holds(rid))) return;
  const prefix = "refs/namespaces/*/refs/rad/sigrefs";
  const { stdout } = await run(
    "git",
    ["--git-dir", join(storage, rid.slice(4)), "for-each-ref", "--format=%(objectname) %(refname)", prefix],
    { env },
  );
  const now = stdout.split("\n").flatMap((line) => {
    const [, oid, nid] = /^([0-9a-f]{40}) refs\/namespaces\/(z6Mk[1-9A-HJ-NP-Za-km-z]+)\/refs\/rad\/sigrefs$/.exec(line) ?? [];
    return oid === undefined ? [] : [[`${rid} ${nid}`, oid, nid]];
  });
  const moved = now.filter(([key, oid]) => announced.get(key) !== oid);
  if (moved.length === 0) return;
  await ask(socketPath, { command: "addInventory", rid });
  await ask(socketPath, { command: "announceRefsFor", rid, namespaces: moved.map(([, , nid]) => nid) });
  for (const [key, oid] of moved) announced.set(key, oid);
}

async function fetchAll() {
  fetchedMs = Date.now();
  const sessions = await ask(socketPath, { command: "sessions" });
  const connected = sessions.filter((session) => session.state?.connected !== undefined).map(({ nid }) => nid);
  for (const rid of rids) {
    for (const nid of connected) {
      const fetching = { command: "fetch", rid, nid, timeout: { secs: 20, nanos: 0 }, signedReferencesMinimumFeatureLevel: "parent" };
      // A peer that lacks the repository, or is busy, is no problem of ours; the next round asks again.
      await ask(socketPath, fetching, 25_000).catch((error) => process.stderr.write(`${rid} from ${nid}: ${error.message}\n`));
    }
  }
}

async function answer(_request, response) {
  const repositories = await Promise.all(rids.map(async (rid) => ({ rid, held: await holds(rid) })));
  const body = {
    ready: state.ready && state.problem === undefined,
    nid: state.nid,
    listen: listen[0],
    socket: socketPath,
    repositories,
    problem: state.problem,
  };
  response.writeHead(body.ready ? 200 : 503, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}

function holds(rid) {
  return exists(join(storage, rid.slice(4), "objects"));
}

async function prepareHome() {
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (!(await exists(join(home, "keys", "radicle")))) {
    await run(options.rad, ["auth", "--alias", options.alias], { cwd: home, env });
  }
  const written = join(home, "config.json.new");
  await writeFile(written, `${JSON.stringify(configuration, null, 2)}\n`, { mode: 0o600 });
  await rename(written, join(home, "config.json"));
  if (options.storage === "") return;
  const found = await lstat(storage).catch(() => undefined);
  if (found?.isSymbolicLink()) return;
  // Only an empty folder goes away: what was replicated is never thrown away for a setting.
  if (found !== undefined) await rmdir(storage);
  await symlink(options.storage, storage);
}

/** A socket's path is short; where the home's is not, the socket lies in a private folder of the temporary one. */
async function shortSocketPath(path) {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  const folder = join(tmpdir(), `radicle-seed-${createHash("sha256").update(path).digest("hex").slice(0, 16)}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(folder);
  if (uid !== process.getuid() || (mode & 0o777) !== 0o700) throw new Error(`${folder} belongs to somebody else`);
  return join(folder, "control.sock");
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}

function stop() {
  stopping = true;
  node.kill("SIGTERM");
}

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}
