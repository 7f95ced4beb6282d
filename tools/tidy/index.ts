// Every house rule that a program can check.
import { filesAreSmall, filesSayWhatTheyAre, namesAreKebabCase, wordsAreAllowed } from "./files.ts";
import { coresArePure, dependenciesAreDeclared, importsFollowRooms, roomsHaveNoCycle } from "./imports.ts";
import { linksResolve } from "./links.ts";
import { lockFileMatches } from "./lock-file.ts";
import {
  constraintsCanFail,
  decisionsBelongToNodes,
  filesBelongToNodes,
  invariantsAreKept,
  nodesRestOnImports,
  ontologyIsSound,
} from "./ontology.ts";
import type { Rule } from "./repository.ts";

export const RULES: Readonly<Record<string, Rule>> = {
  "imports follow the table of rooms": importsFollowRooms,
  "dependencies are declared and allowed": dependenciesAreDeclared,
  "rooms have no cycle": roomsHaveNoCycle,
  "decision cores are pure": coresArePure,
  "files are small": filesAreSmall,
  "source files say what they are": filesSayWhatTheyAre,
  "source files are named in kebab-case": namesAreKebabCase,
  "forbidden words do not occur": wordsAreAllowed,
  "links in documents resolve": linksResolve,
  "the lock file matches the manifests": lockFileMatches,
  "the ontology and the decisions are sound": ontologyIsSound,
  "every decision belongs to a node of the ontology": decisionsBelongToNodes,
  "every file belongs to a node of the ontology": filesBelongToNodes,
  "nodes rest on what their packages import": nodesRestOnImports,
  "constraints name checks that can fail": (repository) => constraintsCanFail(repository, RULES),
  "invariants are decided and kept": invariantsAreKept,
};
