// Contexts that demo and tests build: what each does is in its Dockerfile.

export type Context = Readonly<Record<string, string | Uint8Array>>;

/** Two stages, steps that run, a program that says who built it. */
export function greeting(base: string, text: string): Context {
  return {
    "greeting.txt": `${text}\n`,
    Dockerfile: [
      `FROM ${base} AS build`,
      "COPY greeting.txt /src/greeting.txt",
      "RUN mkdir -p /out && cat /src/greeting.txt > /out/message",
      'RUN echo "built by user $(id -u) of a runner, for $(uname -m)" >> /out/message',
      `FROM ${base}`,
      "COPY --from=build /out /app",
      'CMD ["/bin/cat", "/app/message"]',
      "",
    ].join("\n"),
  };
}

/** One step that holds so many MiB at once. Sized by what the repository says: the smallest tier. */
export function hungry(base: string, mib: number, how: "step" | "child" = "step"): Context {
  const dd = `dd if=/dev/zero of=/dev/null bs=${mib}M count=1`;
  // A child that is killed and a step that goes on to fail by itself: no text says memory then.
  const step = how === "step" ? `exec ${dd}` : `${dd} || exit 1`;
  return {
    ".build-spec.ncl": "{ tier = 'cx22 }\n",
    Dockerfile: `FROM ${base}\nRUN ${step}\nCMD ["/bin/echo", "it fits"]\n`,
  };
}

/** A step that waits until the runner is told to go on, which nobody does: long enough for something to happen meanwhile. */
export function waiting(base: string, seconds: number): Context {
  return { Dockerfile: `FROM ${base}\nRUN echo the step runs && sleep ${seconds}\nCMD ["/bin/true"]\n` };
}

/** A step that writes so many MiB that do not compress to nothing on disk. */
export function bulky(base: string, mib: number): Context {
  return { Dockerfile: `FROM ${base}\nRUN dd if=/dev/urandom of=/large bs=1M count=${mib}\nCMD ["/bin/true"]\n` };
}
