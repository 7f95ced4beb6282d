// A process that dies by SIGKILL after a step of a create, for tests: `dying-create.ts SETTINGS SPEC STEP`; the step `none` lets it end.
import { openLocalProvider } from "../provider.ts";

const [settings = "", spec = "", dieAfter = ""] = process.argv.slice(2);
const provider = await openLocalProvider(JSON.parse(settings), {
  afterStep: async (step) => {
    process.stdout.write(`${step}\n`);
    if (step === dieAfter) process.kill(process.pid, "SIGKILL");
    // The signal may take a moment.
    if (step === dieAfter) await new Promise(() => {});
  },
});
await provider.create(JSON.parse(spec), new AbortController().signal);
