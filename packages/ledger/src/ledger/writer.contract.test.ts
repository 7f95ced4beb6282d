// The writer over a real git repository passes the contract suite that its double passes.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ledgerWriterContract } from "@triplane/testkit";
import { keys, nth, testLedger } from "../testing.ts";
import { readLedger } from "./read.ts";

ledgerWriterContract("git", async () => {
  const ledger = await testLedger();
  return {
    open: ledger.openWriter,
    record: () => ledger.source.next(),
    recordOfStranger: () => ledger.source.next({}, { signer: nth(keys(1), 0) }),
    recordFromElsewhere: () => ledger.source.next({ aud: "other/rad:z" }),
    subjects: async () => {
      const found: string[] = [];
      for await (const { subject } of readLedger(ledger.repoDir, ledger.pin)) found.push(subject);
      return found;
    },
    // As left behind by a git that died: the refs cannot be set, the objects are there.
    failNext: async () => writeFileSync(join(ledger.repoDir, "refs", "heads", "main.lock"), ""),
    [Symbol.asyncDispose]: async () => undefined,
  };
});
