// The smoke build: what a launcher would do on a runner, small and without a network. A static program of the image itself is built into an image and run in it.
//
// 1. It passes only if a step ran inside a container (its output is seen) and the result came back out of BuildKit.
import { TriplaneError } from "@triplane/contract";
import { type Canary, lastLine } from "./canary.ts";

export interface SmokeResult {
  /** As `buildctl --version` says it, inside of the step. */
  readonly buildkit: string;
}

const SMOKE_MS = 10 * 60_000;

/** `nonce`: letters and digits that no earlier build can have left. Throws `golden_smoke_failed`. */
export async function smokeBuild(canary: Canary, nonce: string, signal: AbortSignal): Promise<SmokeResult> {
  if (!/^[a-z0-9]{8,64}$/.test(nonce)) throw new Error("a nonce has letters and digits");
  const end = await canary.run(script(nonce), AbortSignal.any([signal, AbortSignal.timeout(SMOKE_MS)]));
  const version = /^#\d+ \d+\.\d+ (buildctl \S+ v?\d\S*)/m.exec(end.stderr)?.[1];
  const result = /^result:(\S+)$/m.exec(end.stdout)?.[1];
  if (end.exitCode !== 0) throw failed(`${canary.name}: the smoke build failed: ${lastLine(end.stderr) || `exit code ${end.exitCode}`}`);
  if (version === undefined) throw failed(`${canary.name}: the step of the smoke build printed nothing`);
  if (!/^stats:\{"oom_kills":0,"peak_memory_mib":\d+\}$/m.test(end.stdout))
    throw failed(`${canary.name}: runner-stats does not say what the build took`);
  if (result !== nonce) throw failed(`${canary.name}: the smoke build brought back something else than was built`);
  return { buildkit: version };
}

function failed(message: string): TriplaneError {
  return new TriplaneError("golden_smoke_failed", message);
}

// rsync brings contexts to runners, runner-stats says what a build took: an image without them is no golden image.
function script(nonce: string): string {
  return `set -eu
rsync --version > /dev/null
folder=$(mktemp -d)
cd "$folder"
mkdir context
cp "$(command -v buildctl)" context/program
echo ${nonce} > context/nonce
cat > context/Dockerfile << 'END'
FROM scratch
COPY program /program
COPY nonce /nonce
RUN ["/program", "--version"]
END
buildctl build --progress plain --no-cache --frontend dockerfile.v0 --local context=context --local dockerfile=context --output type=local,dest=out < /dev/null
echo "result:$(cat out/nonce)"
echo "stats:$(runner-stats)"
cd /
rm -rf "$folder"
`;
}
