// What tests and benchmarks of other rooms need of the registry's own tests.
export { BACKENDS, type Backend, type BackendName, startBackend, whyMissing } from "./backends.ts";
export { cargoAt, writeCrate } from "./cargo.ts";
export { crateFile, publishBody } from "./crate-file.ts";
export { type Login, type Oras, type OrasAnswer, orasAs } from "./oras.ts";
export { startRegistry } from "./registry-place.ts";
export { startS3, type TestS3 } from "./s3.ts";
