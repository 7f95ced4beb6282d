// What a golden root is made of, as data.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { runnerStatsFiles } from "@triplane/golden";

export interface GoldenRecipe {
  /** A Debian suite: `bookworm`. */
  readonly suite: string;
  /** Archives, each `http://…` or `https://…`; their signatures are checked, so http is enough. */
  readonly mirror: string;
  readonly securityMirror: string;
  /** Debian packages beside the ones that every runner has. */
  readonly packages: readonly string[];
}

export const DEFAULT_RECIPE: GoldenRecipe = {
  suite: "bookworm",
  mirror: "http://deb.debian.org/debian",
  securityMirror: "http://deb.debian.org/debian-security",
  packages: [],
};

/** What every runner has. Their dependencies come with them, recommended packages do not. */
export const BASE_PACKAGES: readonly string[] = [
  ...["base-files", "busybox-static", "ca-certificates", "coreutils", "dash", "findutils", "git", "grep", "gzip", "hostname", "libc-bin"],
  ...["openssh-server", "procps", "rsync", "runc", "sed", "tar", "usr-is-merged"],
];

export const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

const SUITE = /^[a-z]{1,32}$/;
const PACKAGE = /^[a-z0-9][a-z0-9+.-]{1,63}$/;
/** Nothing that a line of sources.list reads as something else. */
const MIRROR = /^https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[A-Za-z0-9._~/+%-]{0,200})?$/;

/** Throws `config_invalid` for a recipe with anything else in it than names and plain URLs. */
export function checkRecipe(recipe: GoldenRecipe): void {
  const problems = [
    ...(SUITE.test(recipe.suite) ? [] : [`${JSON.stringify(recipe.suite)} is not the name of a Debian suite`]),
    ...[recipe.mirror, recipe.securityMirror].filter((url) => !MIRROR.test(url)).map((url) => `${JSON.stringify(url)} is not a plain URL`),
    ...recipe.packages.filter((name) => !PACKAGE.test(name)).map((name) => `${JSON.stringify(name)} is not the name of a package`),
  ];
  if (problems.length > 0) throw new TriplaneError("config_invalid", `golden root: ${problems.join("; ")}`);
}

export function sourcesList(recipe: GoldenRecipe): string {
  const line = (url: string, suite: string): string => `deb [signed-by=${KEYRING}] ${url} ${suite} main\n`;
  return (
    line(recipe.mirror, recipe.suite) +
    line(recipe.mirror, `${recipe.suite}-updates`) +
    line(recipe.securityMirror, `${recipe.suite}-security`)
  );
}

/** Our own files in the root: where each goes, with its mode. */
const OWN_FILES: readonly (readonly [source: string, target: string, mode: number])[] = [
  ["runner-init", "usr/libexec/triplane/runner-init", 0o755],
  ["step-cgroup", "usr/libexec/triplane/step-cgroup", 0o755],
  ["counting-runc", "usr/libexec/triplane/counting-runc", 0o755],
  ["sshd_config", "etc/ssh/sshd_config", 0o644],
];

export interface RootFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array | string;
}

/** The user that logs in: it may use buildkitd's socket, and is nothing else. */
export const RUNNER_USER = "runner";
export const RUNNER_UID = 1000;

const ACCOUNTS: readonly RootFile[] = [
  {
    path: "etc/passwd",
    mode: 0o644,
    content: [
      "root:x:0:0:root:/root:/bin/sh",
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
      "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin",
      `${RUNNER_USER}:x:${RUNNER_UID}:${RUNNER_UID}::/home/${RUNNER_USER}:/bin/sh`,
      "",
    ].join("\n"),
  },
  { path: "etc/group", mode: 0o644, content: `root:x:0:\ntty:x:5:\nnogroup:x:65534:\n${RUNNER_USER}:x:${RUNNER_UID}:\n` },
  // `*`: no password fits, and yet the account is not locked, which would keep keys out as well.
  { path: "etc/shadow", mode: 0o600, content: `root:*:19000::::::\nsshd:*:19000::::::\n${RUNNER_USER}:*:19000::::::\n` },
  { path: "etc/nsswitch.conf", mode: 0o644, content: "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n" },
  { path: "etc/profile", mode: 0o644, content: "export PATH=/usr/local/bin:/usr/bin:/bin\n" },
];

export async function ownFiles(): Promise<readonly RootFile[]> {
  const folder = join(import.meta.dirname, "../../root");
  const files = await Promise.all(
    OWN_FILES.map(async ([source, path, mode]) => ({ path, mode, content: await readFile(join(folder, source)) })),
  );
  return [...files, ...(await runnerStatsFiles()), ...ACCOUNTS];
}
