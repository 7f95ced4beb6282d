// The desired repository on disk, verified natively, with the policy that says whose approvals count.
import { DesiredReader, type DesiredReaderOptions } from "@triplane/ledger";
import type { DesiredSource } from "../ports.ts";

export function desiredRepository(options: DesiredReaderOptions): DesiredSource {
  const reader = new DesiredReader(options);
  return { approvedHead: async () => (await reader.standing()).head.commit };
}
