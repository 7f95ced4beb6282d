// The process that supervises one plane: `supervisor-main.ts HOME PLANE`. Started by `triplane up`, ended by `triplane down`.
import { PLANES } from "./process-spec.ts";
import { supervisePlane } from "./supervise-plane.ts";

const [root, name] = process.argv.slice(2);
const plane = PLANES.find((each) => each === name);
if (root === undefined || plane === undefined) throw new Error(`${name ?? "nothing"} is no plane`);

process.exit(await supervisePlane(root, plane));
