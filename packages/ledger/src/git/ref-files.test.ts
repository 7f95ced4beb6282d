import assert from "node:assert/strict";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { tempDir } from "@triplane/testkit";
import { runGit } from "./process.ts";
import { refsInFiles } from "./ref-files.ts";
import { listRefs } from "./refs.ts";

const NAMES = [
  "refs/heads/main",
  "refs/namespaces/z6a/refs/heads/main",
  "refs/namespaces/z6a/refs/rad/sigrefs",
  "refs/namespaces/z6ab/refs/heads/a+b@c",
  "refs/namespaces/z6b/refs/heads/deep/er",
];

async function repository(path: string): Promise<{ readonly dir: string; readonly ids: readonly string[] }> {
  const dir = join(path, "repo.git");
  await mkdir(dir);
  await runGit(dir, ["init", "--quiet", "--bare", "--template="]);
  const ids: string[] = [];
  const tree = (await runGit(dir, ["hash-object", "-w", "-t", "tree", "--stdin"])).toString().trim();
  const author = "A <a@example.org> 1700000000 +0000";
  for (const text of ["one", "two"]) {
    const stdin = `tree ${tree}\nauthor ${author}\ncommitter ${author}\n\n${text}\n`;
    ids.push((await runGit(dir, ["hash-object", "-w", "-t", "commit", "--stdin"], { stdin })).toString().trim());
  }
  return { dir, ids };
}

async function asGitSays(dir: string, prefix: string): Promise<readonly (readonly [string, string])[]> {
  const output = (await runGit(dir, ["for-each-ref", "--format=%(refname) %(objectname)", prefix])).toString().trim();
  return output === "" ? [] : output.split("\n").map((line) => line.split(" ") as [string, string]);
}

describe("refsInFiles", () => {
  it("says what git says: loose, packed, both with the newer one in front, and one that was deleted", async () => {
    await using folder = await tempDir("ref-files");
    const { dir, ids } = await repository(folder.path);
    const agree = async (): Promise<void> => {
      for (const prefix of ["refs/", "refs/namespaces/", "refs/namespaces/z6a/", "refs/heads/main", "refs/namespaces/z6", "refs/none/"])
        assert.deepEqual([...((await refsInFiles(dir, prefix)) ?? ["git"])], await asGitSays(dir, prefix), prefix);
    };
    await agree();
    for (const name of NAMES) await runGit(dir, ["update-ref", name, ids[0] ?? ""]);
    await agree();
    await runGit(dir, ["pack-refs", "--all"]);
    await agree();
    await runGit(dir, ["update-ref", NAMES[1] ?? "", ids[1] ?? ""]);
    await runGit(dir, ["update-ref", "-d", NAMES[2] ?? ""]);
    await writeFile(join(dir, "refs/heads/main.lock"), "");
    await agree();
    assert.equal((await listRefs(dir, "refs/")).size, 4);
  });

  it("leaves to git what is not an object id in a plain file", async () => {
    await using folder = await tempDir("ref-files");
    const { dir, ids } = await repository(folder.path);
    await runGit(dir, ["update-ref", "refs/heads/main", ids[0] ?? ""]);
    await runGit(dir, ["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    assert.equal(await refsInFiles(dir, "refs/"), undefined);
    assert.deepEqual([...(await listRefs(dir, "refs/"))], await asGitSays(dir, "refs/"));
    await rm(join(dir, "refs/heads/alias"));
    await symlink("main", join(dir, "refs/heads/linked"));
    assert.equal(await refsInFiles(dir, "refs/"), undefined);
    await rm(join(dir, "refs/heads/linked"));
    await writeFile(join(dir, "refs/heads/broken"), "not an id\n");
    assert.equal(await refsInFiles(dir, "refs/"), undefined);
    await rm(join(dir, "refs/heads/broken"));
    await mkdir(join(dir, "reftable"));
    assert.equal(await refsInFiles(dir, "refs/"), undefined);
  });
});
