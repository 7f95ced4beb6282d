// What tests of several rooms may use.
export * from "./golden-for-tests.ts";
export * from "./plain-container.ts";
export * from "./test-runners.ts";
