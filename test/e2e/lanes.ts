// What the people, the agent and the automation of libre-wuji do while processes die around them: forty ops.
import type { Lane } from "./submitting.ts";

/** By what they end with: these of scout and ci are outside their grants, whatever happens. */
export const REFUSED = 6;

export function lanes(desiredCommit: string): readonly Lane[] {
  const deploy = (target: string, component: string, settings = {}) => ({
    ...{ op: "component.deploy", target, args: { component, settings } },
  });
  const scale = (target: string, replicas: number) => ({ op: "component.scale", target, args: { replicas } });
  const restart = (target: string) => ({ op: "component.restart", target });
  const remove = (target: string) => ({ op: "component.remove", target, reason: "a test" });
  const apply = { op: "desired.apply", target: "workspace", args: { commit: desiredCommit } };
  return [
    {
      issuer: "ana",
      steps: [
        ...[deploy("web-a", "web"), { ...scale("web-a", 2), twice: true }, restart("web-a")],
        ...[deploy("web-a", "web", { title: "Again" }), { ...scale("web-a", 1), twice: true }, restart("web-a")],
      ],
    },
    {
      issuer: "ana",
      steps: [
        ...[deploy("worker-a", "worker"), restart("worker-a"), { ...deploy("worker-a", "worker", { every_ms: 500 }), twice: true }],
        ...[restart("worker-a"), { ...remove("worker-a"), twice: true, approvers: ["ben", "cleo"] }, deploy("worker-a", "worker")],
      ],
    },
    {
      issuer: "ben",
      steps: [
        ...[{ ...deploy("web-b", "web"), twice: true }, scale("web-b", 3), restart("web-b"), scale("web-b", 2)],
        ...[
          { ...remove("web-b"), approvers: ["ana", "cleo"] },
          { ...deploy("web-b", "web"), twice: true },
        ],
      ],
    },
    {
      issuer: "ben",
      steps: [
        ...[deploy("worker-b", "worker"), restart("worker-b"), { ...restart("worker-b"), twice: true }, restart("worker-b")],
        ...[deploy("worker-b", "worker", { keep: 50 }), restart("worker-b"), deploy("worker-b", "worker", { keep: 60 })],
      ],
    },
    {
      // Restarts what ana changes at the same time, so that either of them may meet a conflict.
      issuer: "scout",
      steps: [
        ...[{ ...restart("kv"), twice: true }, restart("web-a"), remove("kv"), restart("web-a")],
        ...[{ ...restart("web-a"), twice: true }, restart("kv"), restart("web-a")],
      ],
    },
    {
      issuer: "ci",
      steps: [
        ...[{ ...apply, twice: true }, { ...deploy("kv", "kv"), twice: true }, apply, restart("relay")],
        ...[apply, { ...apply, twice: true }, deploy("relay", "relay"), apply],
      ],
    },
  ];
}
