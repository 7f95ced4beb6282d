// The public names of the buildkit-launcher.
export { type IgnoreRules, ignorePatterns, ignoreRules } from "./context/ignore-rules.ts";
export { type ContextEntry, walkContext } from "./context/walk.ts";
