// What tests of the rooms around golden images may use.
export { fakeShell } from "./fake-shell.ts";
export { goldenRoles, partsFor } from "./parts.ts";
