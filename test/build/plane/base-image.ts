// A base image for Dockerfiles, made of the golden root's static busybox and pushed with oras: no registry of somebody else's is needed.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TriplaneError } from "@triplane/contract";
import { type Oras, orasAs } from "@triplane/registry/testing";

const run = promisify(execFile);

/** What Dockerfiles call by name. */
const APPLETS = ["sh", "cat", "cp", "dd", "echo", "env", "id", "ls", "mkdir", "sha256sum", "sleep", "test", "true", "uname", "wc"];

export interface BaseImage {
  /** `host:port/images/base/busybox:1`. */
  readonly reference: string;
  /** `images/base/busybox`. */
  readonly repository: string;
}

export interface BaseImageOptions {
  readonly folder: string;
  readonly registry: string;
  /** Of somebody who may push images. */
  readonly login: { readonly username: string; readonly password: string };
  /** A static busybox. */
  readonly busybox: string;
}

/** Throws `start_failed` with what oras said. */
export async function pushBaseImage({ folder, registry, login, busybox }: BaseImageOptions): Promise<BaseImage> {
  const root = join(folder, "base-root");
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "tmp"));
  await chmod(join(root, "tmp"), 0o1777);
  await copyFile(busybox, join(root, "bin", "busybox"));
  await chmod(join(root, "bin", "busybox"), 0o755);
  for (const name of APPLETS) await symlink("busybox", join(root, "bin", name));
  const layer = join(folder, "layer.tar");
  await run("tar", ["--create", "--file", layer, "--directory", root, "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "bin", "tmp"]);
  const diffId = `sha256:${createHash("sha256")
    .update(await readFile(layer))
    .digest("hex")}`;
  const config = {
    ...{ architecture: process.arch === "arm64" ? "arm64" : "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } },
    config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], WorkingDir: "/" },
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const repository = "images/base/busybox";
  const reference = `${registry}/${repository}:1`;
  const oras: Oras = await orasAs({ folder, registry }, login);
  const pushed = await oras(
    ...["push", "--no-tty", "--disable-path-validation", reference],
    ...["--config", `${join(folder, "config.json")}:application/vnd.oci.image.config.v1+json`],
    `${layer}:application/vnd.oci.image.layer.v1.tar`,
  );
  if (!pushed.ok) throw new TriplaneError("start_failed", `the base image was not pushed: ${pushed.text.trim().slice(-500)}`);
  return { reference, repository };
}
