// Failures of what agents are offered over the Model Context Protocol.
import { failureEntries } from "./entry.ts";

export const AGENT_FAILURES = failureEntries({
  not_an_agent: {
    httpStatus: 403,
    retry: "no",
    what: "Programs are let in as agents only, and this principal or key is none.",
    hint: "Name one of the policy's `agents` with --as; docs/how-to/connect-an-agent.md shows how to get one.",
  },
  request_reused: {
    httpStatus: 409,
    retry: "no",
    what: "This request id was used for another op.",
    hint: "The same id asks for the same op again; take a new one for another op.",
  },
  tool_input_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The arguments of the tool do not have the shape that it demands.",
    hint: "The message names each argument; the tool's input schema says what it takes.",
  },
  host_refused: {
    httpStatus: 403,
    retry: "no",
    what: "The request came for another host, or from a web page of another origin.",
    hint: "Call the address that the server printed; pages of other origins are never served.",
  },
  too_many_sessions: {
    httpStatus: 503,
    retry: "later",
    what: "As many sessions as the server holds are open and in use.",
    hint: "End a session (HTTP DELETE), or wait: sessions that nobody uses end by themselves.",
  },
  too_many_calls: {
    httpStatus: 429,
    retry: "later",
    what: "As many calls as the server works on at once are under way.",
    hint: "Wait for one of them to end.",
  },
});
