// The message id under which the broker recognises a repeated publish.
import { hash } from "node:crypto";

/**
 * Hexadecimal SHA-256 of the published text. Never a name from inside the message: whoever publishes garbage under a
 * victim's jti first would make the victim's own message vanish as a duplicate (trap 2 of docs/reference/bus.md).
 */
export function messageIdOf(text: string): string {
  return hash("sha256", text, "hex");
}
