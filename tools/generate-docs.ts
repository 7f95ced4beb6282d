// Writes the reference documents that are made from code: `npm run docs`. With --check it writes nothing and fails on a difference.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generatedDocs } from "./docs/generated.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

async function main(argv: readonly string[]): Promise<number> {
  const check = argv.includes("--check");
  let stale = 0;
  for (const { path, content } of await generatedDocs()) {
    const there = await readFile(join(ROOT, path), "utf8").catch(() => undefined);
    if (there === content) continue;
    stale += 1;
    if (!check) {
      await mkdir(dirname(join(ROOT, path)), { recursive: true });
      await writeFile(join(ROOT, path), content);
    }
    process.stdout.write(`${path}: ${check ? "is not what the code says, run npm run docs" : "written"}\n`);
  }
  return check && stale > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
