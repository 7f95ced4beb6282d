// Options of the provider, for whichever daemon holds the pool.
import { integer, list, option, text, toggle } from "@triplane/kit";

export const LOCAL_OPTIONS = {
  localRunnersDir: option(text().optional(), {
    description: "Absolute folder of local runners, on a real file system; absent: triplane/runners in the user's data folder.",
    placeholder: "DIR",
  }),
  localGoldenDir: option(text().optional(), {
    description: "Absolute folder of golden roots for local runners; absent: triplane/golden in the user's data folder.",
    placeholder: "DIR",
  }),
  localNetwork: option(text().default("10.201.0.0/24"), {
    description: "Private range of local runners; its first address is this machine as they see it.",
    placeholder: "CIDR",
  }),
  localForward: toggle({
    description: "Let the kernel forward what comes from local runners. Without it they reach this machine and nothing else.",
  }),
  localMemoryMib: option(integer({ min: 512 }).optional(), {
    description: "Memory of all local runners together, in MiB; absent: four fifths of the machine's.",
    placeholder: "MIB",
  }),
  localScale: option(integer({ min: 1, max: 64 }).default(1), {
    description: "Divides the memory that local runners really get, to try things out on a small machine: 8 makes 512 MiB of 4 GiB.",
    placeholder: "NUMBER",
  }),
  localPlainHttp: option(list().default([]), {
    description: "Registries that the buildkitd of local runners speaks plain HTTP with.",
    placeholder: "HOST:PORT,…",
  }),
};
