// Scene: a Dockerfile of two stages becomes an image that somebody else runs.
import type { Scene } from "@triplane/cli";
import { greeting } from "../../../test/build/plane/dockerfiles.ts";
import type { BuildWorld } from "../world.ts";

export const GREETING = "hello from a machine that is gone";
export const REPO = "demo/greeting";

export const firstScene: Scene<BuildWorld> = {
  id: "first",
  title: "A Dockerfile of two stages, on a machine made for it",
  claims: {
    "base-on-s3": "the base image is in the registry, and the registry's blobs are in a bucket that keeps versions",
    built: "the image was built from it and pushed",
    "own-machine": "the build had a runner of its own, with its own host key, and it is gone",
    "pulled-and-run": "somebody with another credential pulled the very image and ran it",
  },
  play: async (world, tell) => {
    const { plane } = world;
    const listed = await plane.registry.s3.ask("GET", "list-type=2&max-keys=1000");
    const versioning = await plane.registry.s3.ask("GET", "versioning=");
    const objects = listed.text.match(/<Key>[^<]*images\/base\/busybox[^<]*<\/Key>/g) ?? [];
    tell.observe(
      "registry",
      "base-on-s3",
      objects.length > 0 && versioning.text.includes("<Status>Enabled</Status>"),
      `${plane.base.reference}: ${objects.length} objects of it in the bucket, versioning is on`,
    );
    const { receipt, exitCode } = await world.build(tell, REPO, greeting(plane.base.reference, GREETING), ["--tags", "1"]);
    const { image_digest: digest = "", images, sized_by: size, runs } = receipt;
    tell.observe(
      "launcher",
      "built",
      exitCode === 0 && /^sha256:/.test(digest),
      `${images[0]} is ${digest.slice(0, 19)}…; sized by ${size.source}: ${size.reason}`,
    );
    // It goes a moment after it was given back.
    const left = await plane.left();
    const lease = await plane.orchestrator.lease(runs[0]?.lease_id ?? "");
    tell.observe(
      "pool",
      "own-machine",
      lease.state === "gone" && plane.runnersSeen.length === 1 && left.length === 0,
      `${lease.lease_id} was runner ${plane.runnersSeen[0]} (${lease.server_type}); now it is ${lease.state}${left.length === 0 ? "" : `, left: ${left.join(", ")}`}`,
    );
    const pulled = await world.pullAndRun(images[0] ?? "");
    tell.observe(
      "operator",
      "pulled-and-run",
      pulled.digest === digest && pulled.output.startsWith(GREETING),
      `oras pulled ${pulled.digest.slice(0, 19)}…, ${pulled.layers} layers; runc ran it:\n${pulled.output}`,
    );
  },
};
