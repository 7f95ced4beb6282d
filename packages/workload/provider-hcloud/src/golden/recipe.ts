// What is done to a stock image so that runners can be made from it, as cloud-init's configuration.
//
// 1. Only a build that ran to its end switches the builder off: that is how the pipeline knows.
// 2. Nothing of the builder is left that a runner could share: host keys, machine id, cloud-init's state.
import { TriplaneError } from "@triplane/contract";
import { runnerStatsFiles } from "@triplane/golden";
import { cloudConfig } from "../cloud-init.ts";

export interface GoldenRecipe {
  /** Name of a stock image of the cloud, a Debian: `debian-13`. */
  readonly baseImage: string;
  /** Debian packages beside the ones that every runner has. */
  readonly packages: readonly string[];
  /** BuildKit's release archive, and its SHA-256 in hexadecimal. */
  readonly buildkit: { readonly url: string; readonly sha256: string };
}

const PACKAGES = ["openssh-server", "rsync", "ca-certificates", "curl", "iproute2"];
const READY = "/var/lib/triplane/golden-ready";
const PACKAGE = /^[a-z0-9][a-z0-9+.-]{0,63}$/;
const IMAGE = /^[a-z0-9][a-z0-9.-]{0,63}$/;
/** No quote, no space, nothing that a shell reads. */
const PLAIN_URL = /^https:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?\/[A-Za-z0-9._~/+%=-]{1,400}$/;

// Steps of a build get all memory but 600 MiB: the kernel then kills a step, never sshd or buildkitd.
const CGROUP_SCRIPT = `#!/bin/sh
set -eu
total=$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)
echo +memory +cpu +pids > /sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/buildkit
echo $(( (total - 614400) * 1024 )) > /sys/fs/cgroup/buildkit/memory.max
echo 0 > /sys/fs/cgroup/buildkit/memory.swap.max || true
mkdir -p /etc/triplane
echo "STEP_MEMORY_BYTES=$(( (total - 614400) * 1024 ))" > /etc/triplane/runner.env
`;

const WATCH_SERVICE = `[Unit]
Description=Memory of build steps
After=buildkitd.service
[Service]
ExecStart=/usr/libexec/triplane/watch-memory
RuntimeDirectory=triplane
Restart=always
[Install]
WantedBy=multi-user.target
`;

const SERVICE = `[Unit]
Description=BuildKit
After=network-online.target
Wants=network-online.target
[Service]
ExecStartPre=/usr/local/sbin/triplane-cgroup
ExecStart=/usr/local/bin/buildkitd --addr unix:///run/buildkit/buildkitd.sock
Restart=on-failure
[Install]
WantedBy=multi-user.target
`;

/** The builder's user data. Throws `config_invalid` for a recipe with anything else in it than names, a URL and a digest. */
export async function goldenUserData(recipe: GoldenRecipe): Promise<string> {
  const { url, sha256 } = recipe.buildkit;
  if (!IMAGE.test(recipe.baseImage)) throw wrong("the base image is not the name of a stock image");
  if (!recipe.packages.every((name) => PACKAGE.test(name))) throw wrong("a package is not the name of a Debian package");
  if (!PLAIN_URL.test(url)) throw wrong("BuildKit's archive is not a plain https URL");
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw wrong("BuildKit's SHA-256 is not 64 hexadecimal digits");
  const script = `#!/bin/sh
set -eu
curl --fail --silent --show-error --location --proto =https --output /run/buildkit.tar.gz '${url}'
echo '${sha256}  /run/buildkit.tar.gz' | sha256sum --check --quiet
tar -C /usr/local -xzf /run/buildkit.tar.gz
systemctl enable buildkitd.service triplane-watch-memory.service
rm -f /etc/ssh/ssh_host_* ~root/.ssh/authorized_keys
cloud-init clean --logs --seed --machine-id
mkdir -p ${READY.slice(0, READY.lastIndexOf("/"))}
touch ${READY}
`;
  return cloudConfig({
    package_update: true,
    package_upgrade: true,
    packages: [...new Set([...PACKAGES, ...recipe.packages])],
    write_files: [
      file("/usr/local/sbin/triplane-golden", script, "0700"),
      file("/usr/local/sbin/triplane-cgroup", CGROUP_SCRIPT, "0755"),
      file("/etc/systemd/system/buildkitd.service", SERVICE, "0644"),
      file("/etc/systemd/system/triplane-watch-memory.service", WATCH_SERVICE, "0644"),
      ...(await runnerStatsFiles()).map(({ path, content }) => file(`/${path}`, content, "0755")),
    ],
    runcmd: [["/usr/local/sbin/triplane-golden"]],
    power_state: { mode: "poweroff", timeout: 30, condition: ["test", "-e", READY] },
  });
}

function file(path: string, content: string, permissions: string) {
  return { path, content, permissions, owner: "root:root" };
}

function wrong(what: string): TriplaneError {
  return new TriplaneError("config_invalid", `golden image: ${what}`);
}
