// A store of the test's process that several controllers reach over HTTP, as they would reach a database server.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { isFailureCode, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Document, Store, StoredDocument } from "@triplane/store";

export interface ServedStore extends AsyncDisposable {
  readonly url: string;
}

export async function serveStore(store: Store): Promise<ServedStore> {
  const call = async ([method, args]: [string, never[]]): Promise<unknown> => {
    switch (method) {
      case "commit":
        return await store.commit(...(args as unknown as Parameters<Store["commit"]>));
      case "get":
        return (await store.get(...(args as unknown as Parameters<Store["get"]>))) ?? null;
      case "list":
        return await store.list(...(args as unknown as Parameters<Store["list"]>));
      case "highest":
        return await store.highest(...(args as unknown as Parameters<Store["highest"]>));
      default:
        return await store.count(...(args as unknown as Parameters<Store["count"]>));
    }
  };
  const server = createServer((request, response) => {
    void bodyOf(request)
      .then(async (text) => ({ value: (await call(JSON.parse(text))) ?? null }))
      .catch((thrown: unknown) => ({ code: toTriplaneError(thrown).code, message: toTriplaneError(thrown).message }))
      .then((answer) => response.end(JSON.stringify(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The store behind an address of `serveStore`. */
export function servedStore(url: string): Store {
  const ask = async (method: string, args: readonly unknown[]): Promise<unknown> => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify([method, args.filter((arg) => arg !== undefined)]) });
    const answer = (await response.json()) as { readonly value?: unknown; readonly code?: string; readonly message?: string };
    if (answer.code === undefined) return answer.value;
    throw new TriplaneError(isFailureCode(answer.code) ? answer.code : "internal", answer.message ?? "");
  };
  return {
    commit: async (writes) => void (await ask("commit", [writes])),
    get: async (table, id) => ((await ask("get", [table, id])) ?? undefined) as Document | undefined,
    list: async (table, options) => (await ask("list", [table, options])) as readonly StoredDocument[],
    pages: async function* (table) {
      yield (await ask("list", [table])) as readonly StoredDocument[];
    },
    count: async (table, where) => (await ask("count", [table, where])) as number,
    highest: async (table, field, above) => (await ask("highest", [table, field, above])) as number,
    close: async () => undefined,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
