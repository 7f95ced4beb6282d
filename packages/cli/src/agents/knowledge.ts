// What an agent may read of the system: decisions, ontology, invariants, the approved policy, what runs, the reference pages.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { namesIfThere } from "@triplane/kit";
import type { Knowledge } from "@triplane/mcp";
import { openKnowledge, readAdrs, readOntology, subjectsOf, why } from "@triplane/reflection";
import { PRODUCT_ROOT } from "../home/layout.ts";
import { orchestratorOf, type Person } from "../people/person.ts";
import { policyInForce } from "../people/policy.ts";

const PAGES = join(PRODUCT_ROOT, "docs", "reference");

/** `root` is the repository that holds provisioning/. */
export function knowledgeOf(person: Person, root = PRODUCT_ROOT): Knowledge {
  return {
    ontology: async () => readOntology(root).ontology,
    adrs: async () => readAdrs(root).map(({ adr }) => adr),
    why: async (name) => why(openKnowledge(root), name),
    subjects: async () => subjectsOf(openKnowledge(root)),
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

async function pageNames(): Promise<readonly string[]> {
  return (await namesIfThere(PAGES)).flatMap((name) => (name.endsWith(".md") ? [name.slice(0, -3)] : [])).sort();
}
