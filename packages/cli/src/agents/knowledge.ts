// What an agent may read of the system: decisions, ontology, invariants, the approved policy, what runs, the reference pages.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { INVARIANTS } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import type { InvariantView, Knowledge } from "@triplane/mcp";
import { type Adr, type Ontology, readAdrs, readOntology } from "@triplane/reflection";
import { PRODUCT_ROOT } from "../home/layout.ts";
import { orchestratorOf, type Person } from "../people/person.ts";
import { policyInForce } from "../people/policy.ts";

const PAGES = join(PRODUCT_ROOT, "docs", "reference");

/** `root` is the repository that holds provisioning/. */
export function knowledgeOf(person: Person, root = PRODUCT_ROOT): Knowledge {
  const adrs = (): readonly Adr[] => readAdrs(root).map(({ adr }) => adr);
  const ontology = (): Ontology => readOntology(root).ontology;
  return {
    ontology: async () => ontology(),
    adrs: async () => adrs(),
    invariants: async () => invariantViews(adrs(), ontology()),
    policy: async () => {
      const { policy, ref } = await policyInForce(person.layout, person.workspace);
      return { commit: ref.commit, policy };
    },
    targets: async () => {
      const { targets } = await (await orchestratorOf(person)).workspaceState();
      return targets.map(({ state, ...target }) => (state === undefined ? target : { ...target, state }));
    },
    pages: pageNames,
    page: async (name) => ((await pageNames()).includes(name) ? await readFile(join(PAGES, `${name}.md`), "utf8") : undefined),
  };
}

/** Pure. */
export function invariantViews(adrs: readonly Adr[], { nodes }: Ontology): readonly InvariantView[] {
  return Object.entries(INVARIANTS).map(([id, text]) => {
    const citing = adrs.filter(({ constraints }) => constraints.some((constraint) => constraint.id === id));
    const checks = citing
      .flatMap(({ constraints }) => constraints.filter((constraint) => constraint.id === id))
      .flatMap((each) => each.checks);
    return {
      ...{ id, text, adrs: citing.map((adr) => adr.id), checks: [...new Set(checks.map(({ ref }) => ref))] },
      nodes: nodes.filter(({ invariants }) => (invariants as readonly string[]).includes(id)).map((node) => node.id),
    };
  });
}

async function pageNames(): Promise<readonly string[]> {
  try {
    return (await readdir(PAGES)).flatMap((name) => (name.endsWith(".md") ? [name.slice(0, -3)] : [])).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
