// A real S3 server (versitygw) with a bucket that keeps versions, and the few signed requests that a test sends to it (AWS Signature Version 4).
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findTool, freePort, systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import type { S3Storage } from "../zot/config.ts";

const REGION = "us-east-1";
const BUCKET = "registry";

export interface TestS3 extends AsyncDisposable {
  readonly storage: S3Storage;
  /** Credentials, as zot's environment has them. */
  readonly env: Readonly<Record<string, string>>;
  /** A signed request to the bucket; `query` in alphabetical order. */
  ask(method: string, query: string, body?: string): Promise<{ readonly status: number; readonly text: string }>;
}

/** Throws `tool_missing`. */
export async function startS3(folder: string): Promise<TestS3> {
  const { path: program } = await findTool("versitygw");
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const secret = { id: "registry", key: Buffer.from(systemRandom.bytes(24)).toString("base64url") };
  const [data, versions] = [join(folder, "data"), join(folder, "versions")];
  await mkdir(data, { recursive: true });
  await mkdir(versions, { recursive: true });
  const logFile = join(folder, "log");
  const log = await open(logFile, "a");
  const env = { ...process.env, ROOT_ACCESS_KEY: secret.id, ROOT_SECRET_KEY: secret.key };
  const args = ["--port", `127.0.0.1:${port}`, "--region", REGION, "posix", "--versioning-dir", versions, data];
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", log.fd, log.fd], env });
  await log.close();

  const ask = async (method: string, query: string, body = "") => {
    const path = `/${BUCKET}`;
    const response = await fetch(`${endpoint}${path}${query === "" ? "" : `?${query}`}`, {
      method,
      headers: signedHeaders({ method, host: `127.0.0.1:${port}`, path, query, body, secret, at: new Date() }),
      ...(body === "" ? {} : { body }),
    });
    return { status: response.status, text: await response.text() };
  };
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`versitygw ended:\n${(await readFile(logFile, "utf8")).slice(-2000)}`);
    return (await ask("PUT", "")).status === 200;
  });
  const versioning = await ask(
    "PUT",
    "versioning=",
    '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>',
  );
  if (versioning.status !== 200) throw new Error(`versioning was not enabled: ${versioning.status} ${versioning.text}`);
  return {
    storage: { kind: "s3", endpoint, region: REGION, bucket: BUCKET, pathStyle: true },
    env: { AWS_ACCESS_KEY_ID: secret.id, AWS_SECRET_ACCESS_KEY: secret.key },
    ask,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

interface ToSign {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly secret: { readonly id: string; readonly key: string };
  readonly at: Date;
}

function signedHeaders({ method, host, path, query, body, secret, at }: ToSign): Record<string, string> {
  const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const payload = createHash("sha256").update(body).digest("hex");
  const names = "host;x-amz-content-sha256;x-amz-date";
  const canonical = [method, path, query, `host:${host}\nx-amz-content-sha256:${payload}\nx-amz-date:${time}\n`, names, payload].join("\n");
  const scope = `${day}/${REGION}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
  const key = [REGION, "s3", "aws4_request"].reduce<Buffer>((so, part) => hmac(so, part), hmac(`AWS4${secret.key}`, day));
  const signature = hmac(key, text).toString("hex");
  return {
    "x-amz-date": time,
    "x-amz-content-sha256": payload,
    authorization: `AWS4-HMAC-SHA256 Credential=${secret.id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
