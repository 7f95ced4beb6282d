// A person who submits one op in a process of their own: `submitting-process.ts HOME PRINCIPAL OP`. Run again after it died, it sends
// what it finds in the outbox, and signs anew only where there is nothing.
import { actorFor, homeLayout, type OpTold, personAt, planOp, readWorkspaceFile, withSubmitter } from "@triplane/cli";
import { systemClock, systemRandom } from "@triplane/kit";

const [root = "", principal = "", text = "{}"] = process.argv.slice(2);
const told = JSON.parse(text) as OpTold;
const layout = homeLayout(root);
const workspace = await readWorkspaceFile(layout);
const actor = await actorFor({ as: principal }, { env: {} }, layout, workspace);
const person = personAt(actor, layout, workspace, { clock: systemClock, random: systemRandom });

const left = (await person.outbox.pending()).filter(({ claims }) => claims.target === told.target);
if (left.length > 0) await withSubmitter(person, (submitter) => submitter.resendAll());
else {
  const { draft } = await planOp(person, { ...told, args: told.args ?? {}, expiresInS: 600 });
  await withSubmitter(person, (submitter) => submitter.submit(draft, person.key));
}
process.exit(0);
