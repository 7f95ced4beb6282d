// What a supervisor needs to know about one process of a plane.

export const PLANES = ["workload", "signing", "ci"] as const;
export type Plane = (typeof PLANES)[number];

export const PLANE_TITLES: Readonly<Record<Plane, string>> = {
  workload: "workload: keeps running and applying what was admitted",
  signing: "signing: decides which ops are admitted",
  ci: "CI: turns approved desired state into ops",
};

export interface ProcessSpec {
  readonly name: string;
  readonly plane: Plane;
  /** The program and its arguments; never a shell. */
  readonly argv: readonly [string, ...string[]];
  /** Answers 200 when the process is ready and well. */
  readonly healthUrl: string;
  readonly log: string;
  /** Runs once after this process is ready and before the next stage starts; must be harmless to repeat. */
  readonly afterReady?: () => Promise<void>;
}

/** Processes of one stage start together; the next stage starts when all of them are ready. */
export type Stages = readonly (readonly ProcessSpec[])[];

const PASSED_ON = [
  "PATH",
  "HOME",
  "TMPDIR",
  "LANG",
  "LC_ALL",
  "TZ",
  "XDG_CACHE_HOME",
  "NODE_COMPILE_CACHE",
  "TRIPLANE_TOOLS",
  "MALLOC_ARENA_MAX",
  "MALLOC_MMAP_THRESHOLD_",
  "MALLOC_TRIM_THRESHOLD_",
  "SSL_CERT_FILE",
  "TRIPLANE_OTLP_ENDPOINT",
] as const;

// glibc gives up to eight arenas to each core and keeps in each what was freed there (mallopt(3)): the threads of Node and of the
// database's engine, which hand memory to one another, fill all of them and give nothing back.
const FEW_ARENAS = { MALLOC_ARENA_MAX: "2" } as const;

/** The environment of a child: what programs need to find things, and nothing that the user's shell happens to hold. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passedOn = PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...FEW_ARENAS, ...Object.fromEntries(passedOn) };
}
