// What is in an image, asked of a machine that was made from it: Debian's packages by dpkg-query, BuildKit by its own word.
import { TriplaneError } from "@triplane/contract";
import { type Canary, lastLine } from "../canary.ts";

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The source package that it was built from. */
  readonly source: string;
}

export interface Program {
  readonly name: string;
  readonly module: string;
  /** Without a `v`. */
  readonly version: string;
}

export interface Contents {
  /** Sorted by name. */
  readonly packages: readonly DebianPackage[];
  /** Programs that are not of Debian, with the module that they were built from. */
  readonly programs: readonly Program[];
  /** A Debian suite: `bookworm`. */
  readonly suite: string;
}

const ASK = `set -eu
. /etc/os-release
echo "suite:$VERSION_CODENAME"
dpkg-query --show --showformat='package:\${Package}\\t\${Version}\\t\${Architecture}\\t\${source:Package}\\t\${db:Status-Status}\\n'
for name in buildkitd buildctl; do echo "program:$name:$("$name" --version)"; done
`;
const PACKAGE =
  /^package:([a-z0-9][a-z0-9+.-]{0,100})\t([A-Za-z0-9.+:~-]{1,100})\t([a-z0-9-]{1,30})\t([a-z0-9][a-z0-9+.-]{0,100})\tinstalled$/;
const PROGRAM = /^program:(buildkitd|buildctl):\S+ (\S{1,100}) v?([0-9][A-Za-z0-9.+-]{0,60})(?:\s|$)/;
const MAX_PACKAGES = 10_000;

/** Throws `golden_contents` where the machine does not say it, or says it otherwise than dpkg does. */
export async function readContents(canary: Canary, signal: AbortSignal): Promise<Contents> {
  const { exitCode, stdout, stderr } = await canary.run(ASK, signal);
  if (exitCode !== 0) throw new TriplaneError("golden_contents", `${canary.name} does not say what it has: ${lastLine(stderr)}`);
  return parseContents(stdout);
}

export function parseContents(text: string): Contents {
  const lines = text.split("\n").filter((line) => line !== "");
  const suite = /^suite:([a-z]{1,32})$/m.exec(text)?.[1];
  const packages: DebianPackage[] = [];
  const programs: Program[] = [];
  for (const line of lines) {
    const [, name = "", version = "", architecture = "", source = ""] = PACKAGE.exec(line) ?? [];
    const [, program = "", module = "", programVersion = ""] = PROGRAM.exec(line) ?? [];
    if (name !== "") packages.push({ name, version, architecture, source });
    else if (program !== "") programs.push({ name: program, module, version: programVersion });
    else if (!line.startsWith("suite:") && !/^package:.*\t(?:config-files|not-installed)$/.test(line))
      throw new TriplaneError("golden_contents", `this is no line of the contents: ${JSON.stringify(line.slice(0, 120))}`);
  }
  if (suite === undefined || packages.length === 0 || packages.length > MAX_PACKAGES || programs.length !== 2)
    throw new TriplaneError(
      "golden_contents",
      `${packages.length} packages and ${programs.length} programs are no golden image's contents`,
    );
  return { suite, packages: packages.sort((a, b) => (a.name < b.name ? -1 : 1)), programs };
}
