// The public names of the registry.
export { CONFIG } from "./config.ts";
export { type LockedCrate, readCargoLock } from "./crates/mirror/cargo-lock.ts";
export { type MirrorResult, mirrorCrates } from "./crates/mirror/mirror.ts";
export { createGateway, type GatewayParts } from "./gateway/gateway.ts";
export { runRegistryGateway } from "./main.ts";
export { NAMESPACES, type Namespace, type NamespaceName } from "./namespaces.ts";
export { publicKeyPem } from "./run.ts";
export { Credentials, newSecret, renderCredentials, withCredential, withoutCredential } from "./tokens/credentials.ts";
export { issueRegistryAccess, type RunnerAccessRequest } from "./tokens/issue.ts";
export { type LeaseStands, rememberingLeases } from "./tokens/leases.ts";
export type { Issuer } from "./tokens/registry-token.ts";
export { ROLE_NAMES, ROLES, type Role } from "./tokens/roles.ts";
export { renderZotConfig, type S3Storage, type ZotOptions, zotConfig } from "./zot/config.ts";
