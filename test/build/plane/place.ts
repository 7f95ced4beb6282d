// A build plane that the tests of one file share, and what each of them asks of it at its end.
import assert from "node:assert/strict";
import { join } from "node:path";
import { systemRandom } from "@triplane/kit";
import { BuildPlane, type PlaneOptions } from "./build-plane.ts";
import type { Context } from "./dockerfiles.ts";
import { type BuildEnd, type BuildOrder, RunningBuild } from "./launcher.ts";

export class BuildPlace implements AsyncDisposable {
  readonly plane: BuildPlane;

  private constructor(plane: BuildPlane) {
    this.plane = plane;
  }

  static async open(options: Omit<PlaneOptions, "random"> = {}): Promise<BuildPlace> {
    return new BuildPlace(await BuildPlane.start({ random: systemRandom, ...options }));
  }

  get base(): string {
    return this.plane.base.reference;
  }

  async start(repo: string, files: Context, more: Partial<Pick<BuildOrder, "args" | "env" | "imports">> = {}): Promise<RunningBuild> {
    return await RunningBuild.start({
      ...{ folder: join(this.plane.folder, "builds"), repo, files, ...more },
      env: { ...this.plane.launcherEnv, ...more.env },
    });
  }

  async build(repo: string, files: Context, more: Partial<Pick<BuildOrder, "args" | "env" | "imports">> = {}): Promise<BuildEnd> {
    return await (await this.start(repo, files, more)).end();
  }

  /** `runner-always-destroyed`: no lease, no orphan, no process, mount, interface, cgroup or file of any runner. */
  async assertNothingLeft(withinMs?: number): Promise<void> {
    assert.deepEqual(await this.plane.left(withinMs), []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.plane[Symbol.asyncDispose]();
  }
}

/** Also where it was still being opened when its time was over: what comes up late has to come down. */
export async function closed(opening: Promise<AsyncDisposable> | undefined): Promise<void> {
  const opened = await opening?.catch(() => undefined);
  await opened?.[Symbol.asyncDispose]();
}

/** The build ended as it should, and its message says what happened and what to do. */
export function assertTold(
  end: BuildEnd,
  wanted: { readonly exitCode: number; readonly code?: string; readonly says: RegExp; readonly hint: RegExp },
): void {
  const everything = `${end.log}\n${end.out}`;
  assert.equal(end.exitCode, wanted.exitCode, everything);
  // Without a receipt, no lease was ever asked for.
  const code = end.receipt === undefined ? /^ {2}code: (\w+)$/m.exec(end.log)?.[1] : end.receipt.error?.code;
  if (wanted.code !== undefined) assert.equal(code, wanted.code, everything);
  assert.match(everything, wanted.says);
  assert.match(everything, wanted.hint);
}
