// A static file server and nothing else: GET, a file, its bytes. `node static-server.ts FOLDER PORT`; says `ready` when it listens.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { pipeline } from "node:stream/promises";

const [folder = ".", port = "0"] = process.argv.slice(2);

createServer(async (incoming, outgoing) => {
  const path = join(folder, normalize(`/${(incoming.url ?? "/").split("?")[0]}`));
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) {
    outgoing.writeHead(404).end();
    return;
  }
  outgoing.writeHead(200, { "content-length": found.size });
  await pipeline(createReadStream(path), outgoing).catch(() => outgoing.destroy());
}).listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
