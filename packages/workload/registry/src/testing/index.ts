// What tests and benchmarks of other rooms need of the registry's own tests.
export { BACKENDS, type Backend, type BackendName, startBackend, whyMissing } from "./backends.ts";
export { cargoAt, writeCrate } from "./cargo.ts";
export { crateFile, publishBody } from "./crate-file.ts";
