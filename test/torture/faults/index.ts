// Every fault that a campaign can draw. `times` says how often each is in the deck.
import { clockSkew } from "./clock-skew.ts";
import { copies } from "./copies.ts";
import { tornLedger, tornStore } from "./damage.ts";
import { answersAndDies, failpoint, failpointStorm, slowOrchestrator } from "./failpoints.ts";
import type { Fault } from "./fault.ts";
import { fullDisk } from "./full-disk.ts";
import { kill } from "./kill.ts";
import { latency } from "./latency.ts";
import { deletedBucket, deletedConsumer, deletedStream } from "./losses.ts";
import { oldCopy } from "./old-copy.ts";
import { partition } from "./partition.ts";
import { longPause, pause } from "./pause.ts";
import { oversized, poison } from "./poison.ts";
import { machinePowerCut, powerCut } from "./power-cut.ts";
import { restart } from "./restart.ts";
import { unplugged } from "./unplugged.ts";

export const FAULTS: readonly Fault[] = [
  kill,
  restart,
  pause,
  longPause,
  powerCut,
  machinePowerCut,
  fullDisk,
  partition,
  unplugged,
  latency,
  clockSkew,
  copies,
  poison,
  oversized,
  failpoint,
  failpointStorm,
  slowOrchestrator,
  answersAndDies,
  deletedConsumer,
  deletedStream,
  deletedBucket,
  tornStore,
  tornLedger,
  oldCopy,
];
