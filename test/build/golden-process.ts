// A command on golden images in a process of its own, for tests that kill it: `golden-process.ts ENDPOINT FOLDER build|prune`. The canary is not there; what is on the way is.
import { asBuilder, ContentsShelf, prune, releaseGolden, sweep } from "@triplane/golden";
import { fakeShell } from "@triplane/golden/testing";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { hcloudGoldenImages, hcloudProvider } from "@triplane/provider-hcloud";

const [endpoint = "", folder = "", command = ""] = process.argv.slice(2);
const signal = new AbortController().signal;
const options = {
  ...{ token: "any", endpoint, clock: systemClock, random: systemRandom, logger: silentLogger },
  ...{ retryBaseMs: 1, pollMs: 5, actionDeadlineMs: 10_000 },
};
const recipe = { baseImage: "debian-13", packages: [], buildkit: { url: "https://example.org/b.tar.gz", sha256: "ab".repeat(32) } };
await asBuilder(folder, systemRandom, async (builder) => {
  const parts = {
    images: hcloudGoldenImages({ ...options, recipe, platform: "linux/amd64", buildWithinMs: 10_000 }),
    ...{ provider: hcloudProvider(options), platform: "linux/amd64" as const, providerName: "hcloud", builder },
    ...{ shelf: new ContentsShelf(`${folder}/contents`, undefined), shell: fakeShell().shell, clock: systemClock, random: systemRandom },
    ...{ bootWithinMs: 10_000, pollMs: 5, say: (line: string) => void process.stderr.write(`${line}\n`) },
  };
  if (command === "build") await releaseGolden(parts, { promote: true }, signal);
  else {
    await sweep(parts, signal);
    await prune(parts, signal);
  }
});
