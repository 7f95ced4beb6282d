// Free TCP ports on loopback, for local workspaces and tests.
import { createServer } from "node:net";
import { TriplaneError } from "@triplane/contract";

/** A port that was free a moment ago. Whoever binds it next owns it, so bind soon and retry on a collision. */
export function freePort(host = "127.0.0.1"): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.unref();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new TriplaneError("internal", "the system gave no port"));
        else resolve(address.port);
      });
    });
  });
}
