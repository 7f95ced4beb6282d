// Commands that say whether the invariants hold, as the program lists them.
import { type Listing, listed } from "../../framework/listing.ts";

export const VALIDATE_COMMANDS: readonly Listing[] = [
  listed("validate", "Check whether the invariants hold on this system today", () =>
    import("./validate.ts").then((module) => module.validate),
  ),
  listed("validate history", "Show what validations found before", () => import("./history.ts").then((module) => module.validateHistory)),
];
