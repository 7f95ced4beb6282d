// The configuration of a node in a private network; packages/radicle/src/node-config.ts is the same for programs, and a test compares both.

const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const ADDRESS = /^(?:\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):([0-9]{1,5})$/;
const PEER = /^(z6Mk[1-9A-HJ-NP-Za-km-z]{44})@(.+)$/;

/** What goes into config.json of a RAD_HOME. Throws for what is no alias, address or peer. */
export function nodeConfiguration({ alias, listen, connect, externalAddresses = [] }) {
  check(ALIAS.test(alias), alias, "an alias of at most 32 letters, digits, dots and dashes");
  for (const address of [...listen, ...externalAddresses]) check(isAddress(address), address, "HOST:PORT");
  for (const peer of connect) check(isAddress(PEER.exec(peer)?.[2] ?? ""), peer, "NID@HOST:PORT");
  return {
    publicExplorer: "https://radicle.invalid/$host/$rid$path",
    preferredSeeds: [],
    cli: { hints: false },
    node: {
      alias,
      listen,
      connect,
      externalAddresses,
      network: "test",
      peers: { type: "static" },
      relay: "always",
      seedingPolicy: { default: "block" },
      fetch: { signedReferences: { featureLevel: { minimum: "parent" } } },
      log: "INFO",
    },
  };
}

function isAddress(text) {
  const port = ADDRESS.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

function check(sound, value, wanted) {
  if (!sound) throw new Error(`${JSON.stringify(value)} is not ${wanted}`);
}
