// The state repository has one delegate in every revision that git can find: the controller's key, or the one that it handed over to.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";

export function checkSingleDelegate(evidence: Evidence, told: Case): void {
  const state = told.need(evidence.state);
  if (state === undefined) return;
  const { controller } = evidence.pins;
  told.count("revisions", state.revisions.length);
  told.saw(
    `identity of ${evidence.pins.state.rid} from ${evidence.pins.state.identityRoot}: ${state.revisions.length} revision(s), read by git`,
  );
  const keys = state.revisions.filter(({ accepted }) => accepted).map(({ document }) => document.delegates[0] ?? "");
  if (!keys.includes(controller)) told.violation({ what: `no revision in force names the controller ${controller}`, ...firstKey(keys) });
  for (const { commit, document, accepted, author } of state.revisions) {
    const others = document.delegates.slice(1);
    const what = `revision ${commit}${accepted ? "" : " (proposed)"} by ${author}`;
    // What one delegate signs is in force; what is not, somebody else signed.
    if (!accepted) told.violation({ what: `${what} does not come from the controller of its time`, commit });
    if (others.length > 0)
      told.violation({ what: `${what} has the delegates ${others.join(", ")} besides the controller`, commit, ...firstKey(others) });
    if (document.threshold !== 1) told.violation({ what: `${what} has the threshold ${document.threshold}`, commit });
  }
  told.saw(`delegate in force: ${state.document.delegates.join(", ")}; the pin says ${controller}`);
  if (state.strangers.length > 0) told.saw(`namespaces of others, which have no say: ${state.strangers.join(", ")}`);
  for (const problem of state.problems) told.violation({ what: problem });
}

function firstKey(keys: readonly string[]): { readonly key?: string } {
  const [key] = keys;
  return key === undefined ? {} : { key };
}
