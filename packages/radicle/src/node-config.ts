// The configuration of a node in a private network: it knows the peers that it is told and dials nobody else.
//
// What `rad auth` writes names two public seeds and the public network; a node that starts with it calls home. So this file replaces it
// before the first start.
import { TriplaneError } from "@triplane/contract";

export interface NodeOptions {
  /** Shown to other nodes, at most 32 bytes. */
  readonly alias: string;
  /** `HOST:PORT` to listen on; empty = only outbound connections. */
  readonly listen: readonly string[];
  /** Peers to stay connected to, `NID@HOST:PORT`. */
  readonly connect: readonly string[];
  /** `HOST:PORT` at which others reach this node, told to its peers. */
  readonly externalAddresses?: readonly string[];
}

const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const ADDRESS = /^(?:\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):([0-9]{1,5})$/;
const NID = /^z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/;

/** The node id in `NID@HOST:PORT`. Throws `config_invalid`. */
export function peerOf(address: string): { readonly nid: string; readonly address: string } {
  const at = address.indexOf("@");
  const peer = { nid: address.slice(0, at), address: address.slice(at + 1) };
  if (at < 0 || !NID.test(peer.nid)) throw invalid(address, "NID@HOST:PORT");
  assertAddress(peer.address);
  return peer;
}

/** What goes into `config.json` of a RAD_HOME. Throws `config_invalid`. */
export function nodeConfiguration(options: NodeOptions): Readonly<Record<string, unknown>> {
  if (!ALIAS.test(options.alias)) throw invalid(options.alias, "an alias of at most 32 letters, digits, dots and dashes");
  for (const address of [...options.listen, ...(options.externalAddresses ?? [])]) assertAddress(address);
  for (const peer of options.connect) peerOf(peer);
  return {
    publicExplorer: "https://radicle.invalid/$host/$rid$path",
    preferredSeeds: [],
    cli: { hints: false },
    node: {
      alias: options.alias,
      listen: options.listen,
      connect: options.connect,
      externalAddresses: options.externalAddresses ?? [],
      // Of two networks that Radicle knows, the one without seeds to bootstrap from; nodes of the other one are refused.
      network: "test",
      peers: { type: "static" },
      relay: "always",
      // A repository is replicated when somebody says so, and then with all its namespaces: votes of delegates lie in them.
      seedingPolicy: { default: "block" },
      fetch: { signedReferences: { featureLevel: { minimum: "parent" } } },
      log: "INFO",
    },
  };
}

function assertAddress(address: string): void {
  const port = Number(ADDRESS.exec(address)?.[1] ?? Number.NaN);
  if (!(port >= 0 && port <= 65_535)) throw invalid(address, "HOST:PORT");
}

function invalid(value: string, wanted: string): TriplaneError {
  return new TriplaneError("config_invalid", `${JSON.stringify(value.slice(0, 120))} is not ${wanted}`);
}
