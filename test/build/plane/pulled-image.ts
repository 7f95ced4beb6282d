// An image as somebody else gets it: pulled with oras, which checks every digest, unpacked, and run with runc as the image's own configuration says.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TriplaneError } from "@triplane/contract";
import { findTool } from "@triplane/kit";
import { z } from "zod";

const run = promisify(execFile);

const descriptorSchema = z.looseObject({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/), mediaType: z.string() });
const indexSchema = z.looseObject({ manifests: z.array(descriptorSchema).min(1) });
const manifestSchema = z.looseObject({ config: descriptorSchema, layers: z.array(descriptorSchema) });
const configSchema = z.looseObject({
  config: z.looseObject({
    Env: z.array(z.string()).default([]),
    Cmd: z.array(z.string()).nullish(),
    Entrypoint: z.array(z.string()).nullish(),
    WorkingDir: z.string().default(""),
  }),
});

export interface PulledImage {
  readonly digest: string;
  readonly layers: number;
  /** What it printed. */
  readonly output: string;
}

export interface PullOptions {
  readonly folder: string;
  readonly login: { readonly username: string; readonly password: string };
}

/** Throws `start_failed` with what the program said that failed. */
export async function pullAndRun(reference: string, options: PullOptions): Promise<PulledImage> {
  const folder = join(options.folder, `pulled-${randomBytes(4).toString("hex")}`);
  const layout = join(folder, "layout");
  await mkdir(layout, { recursive: true });
  const { username, password } = options.login;
  const auth = { auth: Buffer.from(`${username}:${password}`).toString("base64") };
  const auths = join(folder, "auth.json");
  await writeFile(auths, JSON.stringify({ auths: { [reference.slice(0, reference.indexOf("/"))]: auth } }), { mode: 0o600 });
  const { path: oras } = await findTool("oras");
  const copy = ["copy", "--no-tty", "--from-plain-http", "--from-registry-config", auths, reference, "--to-oci-layout", `${layout}:image`];
  await said("oras", run(oras, copy, { timeout: 120_000 }));
  const blob = async (digest: string): Promise<Buffer> => await readFile(blobPath(layout, digest));
  const index = indexSchema.parse(JSON.parse(await readFile(join(layout, "index.json"), "utf8")));
  const top = index.manifests[0]?.digest ?? "";
  const manifest = await manifestOf(top, blob);
  const root = join(folder, "bundle", "rootfs");
  await mkdir(root, { recursive: true });
  for (const { digest, mediaType } of manifest.layers) {
    const form = mediaType.endsWith("+gzip") || mediaType.endsWith(".gzip") ? ["--gzip"] : [];
    const unpack = ["--extract", "--file", blobPath(layout, digest), ...form, "--directory", root, "--no-same-owner"];
    await said("tar", run("tar", unpack, { timeout: 60_000 }));
  }
  const { config } = configSchema.parse(JSON.parse((await blob(manifest.config.digest)).toString("utf8")));
  return { digest: top, layers: manifest.layers.length, output: await runIn(join(folder, "bundle"), config) };
}

/** What BuildKit pushes with attestations is an index: its first entry is the image. */
async function manifestOf(digest: string, blob: (digest: string) => Promise<Buffer>): Promise<z.infer<typeof manifestSchema>> {
  const json: unknown = JSON.parse((await blob(digest)).toString("utf8"));
  const index = indexSchema.safeParse(json);
  return index.success ? await manifestOf(index.data.manifests[0]?.digest ?? "", blob) : manifestSchema.parse(json);
}

async function runIn(bundle: string, config: z.infer<typeof configSchema>["config"]): Promise<string> {
  const args = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const id = `tpr-image-${randomBytes(4).toString("hex")}`;
  const spec = {
    ociVersion: "1.0.2",
    process: {
      ...{ terminal: false, user: { uid: 65534, gid: 65534 }, args, env: config.Env, noNewPrivileges: true },
      cwd: config.WorkingDir === "" ? "/" : config.WorkingDir,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "image",
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { cgroupsPath: `/${id}`, namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })) },
  };
  await writeFile(join(bundle, "config.json"), JSON.stringify(spec));
  const { path: runc } = await findTool("runc");
  // A runtime folder of its own: nothing of the machine's own containers is named or seen.
  const { stdout } = await said("runc", run(runc, ["--root", join(bundle, "runc"), "run", "--bundle", bundle, id], { timeout: 60_000 }));
  return stdout.trim();
}

function blobPath(layout: string, digest: string): string {
  return join(layout, "blobs", "sha256", digest.slice("sha256:".length));
}

async function said<T>(program: string, ran: Promise<T>): Promise<T> {
  try {
    return await ran;
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    throw new TriplaneError("start_failed", `${program} failed: ${stderr.trim().slice(-500)}`, { cause: error });
  }
}
