// No policy file of any approved commit holds a function: a scanner of its own over what is neither string nor comment.
import type { Evidence } from "../evidence.ts";
import { findFunctions } from "../proof/nickel-scan.ts";
import type { Case } from "../report.ts";

export function checkDeclarative(evidence: Evidence, told: Case): void {
  const policy = told.need(evidence.policy);
  if (policy === undefined) return;
  for (const { commit, files } of policy.commits.values()) {
    for (const [file, text] of files) {
      if (!file.endsWith(".ncl")) continue;
      told.count("files", 1);
      for (const { token, line, column } of findFunctions(text))
        told.violation({ what: `${file}:${line}:${column} of policy commit ${commit} has ${token}`, file, commit });
    }
  }
  told.count("commits", policy.commits.size);
  told.saw(
    `every .ncl file of the ${policy.commits.size} commits up to the approved head ${policy.head} (${policy.threshold} of ${policy.delegates} delegates), scanned outside strings and comments for fun, =>, match, std and operators as values`,
  );
}
