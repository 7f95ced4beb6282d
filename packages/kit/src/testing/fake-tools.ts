// Helps the tests of tools: folders with small programs in them, and archives with one file in them.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Environment } from "../config/resolve.ts";
import type { Tool } from "../tools/manifest.ts";

/** A temporary place with a cache and a folder of programs, which is all of PATH but for the shell's own tools. */
export interface ToolPlace extends AsyncDisposable {
  readonly folder: string;
  readonly programs: string;
  readonly cache: string;
  readonly env: Environment;
  /** Puts a shell script on PATH. */
  addProgram(name: string, script: string): Promise<string>;
}

export async function toolPlace(): Promise<ToolPlace> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-tools-"));
  const programs = join(folder, "programs");
  const cache = join(folder, "cache");
  await mkdir(programs);
  return {
    folder,
    programs,
    cache,
    env: { PATH: `${programs}:/bin`, HOME: folder, XDG_CACHE_HOME: cache },
    addProgram: async (name, script) => {
      const path = join(programs, name);
      await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      return path;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Like the manifest's nats-server, with the given sources. */
export function testTool(sources: Tool["sources"], parts: Partial<Tool> = {}): Tool {
  return {
    name: "nats-server",
    range: ">=2.14.0 <3.0.0",
    pinned: "2.15.1",
    why: "Carries ops.",
    neededFor: ["tests"],
    required: true,
    versionArguments: ["--version"],
    sources,
    hint: "Install it yourself.",
    ...parts,
  };
}

/** A .tar.gz with these files (ustar layout). */
export function tarGz(files: Readonly<Record<string, string>>): Uint8Array {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000755\0", 100);
    header.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\x0000", 257);
    const checksum = header.reduce((sum, byte) => sum + byte, 0);
    header.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
