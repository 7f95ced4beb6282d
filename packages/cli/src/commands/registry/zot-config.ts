// triplane registry zot-config: zot's configuration for the namespaces.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile } from "@triplane/kit";
import { renderZotConfig, type ZotOptions } from "@triplane/registry";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, integer, text } from "../../framework/parameters.ts";

export const registryZotConfig = defineCommand({
  description:
    "One store for each namespace, with its retention and its collection. zot listens for the gateway alone: give it an address that nobody else reaches.\n\nWith --s3-endpoint the blobs are in a bucket, whose versions you turn on yourself; zot takes its credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  args: z.strictObject({}),
  options: z.strictObject({
    origin: text("URL", "How clients reach the gateway, e.g. https://registry.example"),
    publicKey: text("FILE", "The public key that registry-gateway writes (--public-key-file)"),
    dataDir: text("DIR", "Folder for what zot stores"),
    address: text("HOST", "Address that zot listens on").default("127.0.0.1"),
    port: integer("PORT", "Port that zot listens on", { min: 1, max: 65_535 }).default(5001),
    s3Endpoint: text("URL", "S3 server; without it, blobs are files in the folder").optional(),
    s3Region: text("REGION", "Region of the bucket").default("us-east-1"),
    s3Bucket: text("BUCKET", "Name of the bucket").optional(),
    s3VirtualHost: flag("The bucket is part of the server's name (Amazon), not of the path"),
    out: text("FILE", "Write it there instead of printing it").optional(),
  }),
  examples: [
    {
      command:
        "triplane registry zot-config --origin https://registry.example --public-key /etc/triplane/registry.pem --data-dir /var/lib/zot",
      what: "blobs as files",
    },
    {
      command:
        "triplane registry zot-config --origin https://registry.example --public-key /etc/triplane/registry.pem --data-dir /var/lib/zot --s3-endpoint https://s3.example --s3-bucket registry --out zot.json",
      what: "blobs in a bucket",
    },
  ],
  run: async ({ options }, { cwd }) => {
    const origin = URL.canParse(options.origin) ? new URL(options.origin) : undefined;
    if (origin === undefined) throw new TriplaneError("usage", "--origin must be a URL");
    const config = renderZotConfig({
      ...{ address: options.address, port: options.port, folder: resolve(cwd, options.dataDir) },
      ...{ origin: origin.origin, registry: origin.host, publicKeyFile: resolve(cwd, options.publicKey) },
      storage: storageOf(options),
    });
    const path = options.out === undefined ? undefined : resolve(cwd, options.out);
    if (path !== undefined) await atomicWriteFile(path, config, { mode: 0o644 });
    return { path, config: JSON.parse(config) as unknown };
  },
  render: ({ path, config }) => (path === undefined ? `${JSON.stringify(config, null, 2)}\n` : `${path}\n`),
});

interface StorageOptions {
  readonly s3Endpoint?: string | undefined;
  readonly s3Region: string;
  readonly s3Bucket?: string | undefined;
  readonly s3VirtualHost: boolean;
}

function storageOf({ s3Endpoint: endpoint, s3Region: region, s3Bucket: bucket, s3VirtualHost }: StorageOptions): ZotOptions["storage"] {
  if ((endpoint === undefined) !== (bucket === undefined))
    throw new TriplaneError("usage", "--s3-endpoint and --s3-bucket belong together");
  if (endpoint === undefined || bucket === undefined) return { kind: "files" };
  if (!URL.canParse(endpoint)) throw new TriplaneError("usage", "--s3-endpoint must be a URL");
  return { kind: "s3", endpoint, region, bucket, pathStyle: !s3VirtualHost };
}
