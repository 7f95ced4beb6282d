// What the simulated project holds, in our own terms; render.ts turns it into the API's JSON.

export type ServerStatus = "initializing" | "starting" | "running" | "stopping" | "off" | "deleting" | "rebuilding";

export interface SimServer {
  readonly id: number;
  name: string;
  status: ServerStatus;
  readonly createdMs: number;
  readonly serverType: string;
  readonly location: string;
  imageId: number | undefined;
  userData: string;
  labels: Readonly<Record<string, string>>;
  readonly sshKeyIds: readonly number[];
  /** What a backer started has its own; else one of 198.18.0.0/15, which is routed nowhere. */
  ipv4: string | undefined;
  readonly ipv6: string | undefined;
  protection: { delete: boolean; rebuild: boolean };
  /** When it switches itself off, as its user data said. */
  offAtMs: number | undefined;
}

export interface SimImage {
  readonly id: number;
  readonly type: "system" | "snapshot";
  /** Snapshots have none. */
  readonly name: string | undefined;
  description: string;
  status: "creating" | "available" | "unavailable";
  readonly createdMs: number;
  readonly createdFrom: { readonly id: number; readonly name: string } | undefined;
  /** GB, known when it is available. */
  imageSizeGb: number | undefined;
  /** GB: the least disk that a server made from it needs. */
  readonly diskSizeGb: number;
  readonly architecture: "x86" | "arm";
  readonly osFlavor: string;
  readonly osVersion: string | undefined;
  labels: Readonly<Record<string, string>>;
  protectedFromDelete: boolean;
}

export interface SimSshKey {
  readonly id: number;
  name: string;
  /** MD5, as the API shows it. */
  readonly fingerprint: string;
  readonly publicKey: string;
  labels: Readonly<Record<string, string>>;
  readonly createdMs: number;
}

export type ActionCommand =
  | "create_server"
  | "start_server"
  | "stop_server"
  | "shutdown_server"
  | "reboot_server"
  | "reset_server"
  | "delete_server"
  | "create_image"
  | "rebuild_server"
  | "change_protection";

export interface ActionFailure {
  readonly code: string;
  readonly message: string;
}

export interface SimAction {
  readonly id: number;
  readonly command: ActionCommand;
  readonly resources: readonly { readonly id: number; readonly type: "server" | "image" }[];
  readonly startedMs: number;
  readonly durationMs: number;
  /** undefined: it waits for `after`, for the backer, or for ever. */
  endsAtMs: number | undefined;
  finishedMs: number | undefined;
  /** How it ends, or ended. */
  failure: ActionFailure | undefined;
  /** It begins when that action has ended. */
  readonly after: number | undefined;
  /** It ends only when the backer has said that the machine runs. */
  waitsForBacker: boolean;
  readonly stuck: boolean;
  /** What the server goes back to when the action fails. */
  statusBefore: ServerStatus | undefined;
}

/** All that a state file holds. */
export interface WorldState {
  readonly version: 1;
  nextId: number;
  servers: SimServer[];
  images: SimImage[];
  sshKeys: SimSshKey[];
  actions: SimAction[];
}

/** What has to be done outside: the machine behind a server is started or stopped, also when the server is gone by then. */
export interface Effect {
  readonly do: "start" | "stop";
  readonly server: SimServer;
}
