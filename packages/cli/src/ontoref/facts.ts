// What the system is, read now: from the code's own tables, the ontology, and the folders of modes, playbooks and workspaces.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FAILPOINTS, INVARIANTS, streamSettings, TIERS, toTriplaneError } from "@triplane/contract";
import { GOVERNED } from "@triplane/governance";
import { isErrno } from "@triplane/kit";
import { type ModeCatalogue, openPlaybooks, PLAYBOOKS_FOLDER, readOntology } from "@triplane/reflection";
import { NAMESPACES } from "@triplane/registry";
import { PLANE_TITLES, PLANES } from "../planes/process-spec.ts";

export interface Fact {
  readonly topic: string;
  readonly name: string;
  readonly what: string;
  /** Where it was read. */
  readonly source: string;
}

/** Stands for a workspace's name where names are made of one. */
const ANY = "workspace";

export async function factsOf(root: string, modes: ModeCatalogue): Promise<readonly Fact[]> {
  return [
    ...codeFacts(),
    ...ontologyFacts(dirname(root)),
    ...(await modeFacts(root, modes)),
    ...(await playbookFacts(root)),
    ...(await folders(join(root, "workspaces"))).map((name) => ({
      ...{ topic: "workspaces", name, what: "policy, people and desired state to begin with", source: `workspaces/${name}` },
    })),
  ];
}

/** What the code says of itself. */
function codeFacts(): readonly Fact[] {
  const of = (topic: string, source: string) => (name: string, what: string) => ({ topic, name, what, source });
  const plane = of("planes", "code: cli, process-spec.ts");
  const stream = of("streams", "code: contract, streams.ts");
  const step = of("ops-command-flow", "code: contract, failpoints.ts");
  const repository = of("repositories", "code: governance, site.ts");
  const tier = of("build-tiers", "code: contract, vm-pool-api.ts");
  const namespace = of("registry", "code: registry, namespaces.ts");
  const invariant = of("invariants", "code: contract, invariants.ts");
  const rooms = Map.groupBy(FAILPOINTS, (point) => point.split(".")[0] ?? "");
  return [
    ...PLANES.map((name) => plane(name, PLANE_TITLES[name].replace(/^[^:]*: /, ""))),
    ...[...rooms].map(([room, points]) => step(room, points.flatMap((point) => point.split(".after-")[1] ?? []).join(" → "))),
    ...streamSettings(ANY).map(({ name, subjects, retention, discard }) =>
      stream(name, `${retention} retention, discard ${discard}, subjects ${subjects.join(", ")}`),
    ),
    ...GOVERNED.map((name) => repository(name, "governed by M of N delegates")),
    repository("state", "the ledger: exactly one delegate, the ops-controller's key (state-repo-single-delegate)"),
    ...TIERS.map((name, index) =>
      tier(name, TIERS[index + 1] === undefined ? "the largest" : `a build that ran out of memory is retried on ${TIERS[index + 1]}`),
    ),
    ...NAMESPACES.map(({ name, protocol, holds }) => namespace(`/${name}`, `${protocol}: ${holds}`)),
    ...Object.entries(INVARIANTS).map(([id, text]) => invariant(id, text)),
  ];
}

function ontologyFacts(repository: string): readonly Fact[] {
  try {
    return readOntology(repository).ontology.nodes.map(({ id, description, artifact_paths }) => {
      const gone = artifact_paths.filter((path) => !existsSync(join(repository, path)));
      const missing = gone.length === 0 ? "" : ` MISSING: ${gone.join(", ")}`;
      return {
        topic: "parts",
        name: id,
        what: `${oneLine(description)} Files: ${artifact_paths.join(", ")}.${missing}`,
        source: ".ontology/core.ncl",
      };
    });
  } catch (error) {
    return [unreadable("parts", ".ontology/core.ncl", error)];
  }
}

async function modeFacts(root: string, modes: ModeCatalogue): Promise<readonly Fact[]> {
  const entries = await modes.list();
  return entries.map(({ id, file, mode, failure }) => {
    if (mode === undefined) return unreadable("modes", id, failure, file);
    const handler = `reflection/handlers/${id}.nu`;
    const run = existsSync(join(root, handler)) ? `nu ${handler}` : `ontoref run exec ${id}`;
    return { topic: "modes", name: id, what: `${mode.trigger} (${mode.steps.length} steps; ${run})`, source: file };
  });
}

async function playbookFacts(root: string): Promise<readonly Fact[]> {
  return (await openPlaybooks(root).list()).map(({ name, loaded, failure }) => {
    const file = `${PLAYBOOKS_FOLDER}/${name}/playbook.ncl`;
    if (loaded === undefined) return unreadable("playbooks", name, failure, file);
    return { topic: "playbooks", name, what: oneLine(loaded.playbook.description), source: file };
  });
}

function unreadable(topic: string, name: string, error: unknown, source = name): Fact {
  return { topic, name, what: `CANNOT BE READ: ${oneLine(toTriplaneError(error).message)}`, source };
}

async function folders(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
