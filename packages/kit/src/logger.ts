// Structured logs: one JSON object a line on standard error, a static message, data in fields, secrets struck out.
import { createRequire } from "node:module";
import { TriplaneError } from "@triplane/contract";
import type * as PinoModule from "pino";
import type { LogLevel } from "./log-levels.ts";

type Pino = PinoModule.Logger;

// Loaded with the first logger: most commands have none.
const require = createRequire(import.meta.url);

export type LogFields = Readonly<Record<string, unknown>>;

/** Messages are constant strings; what varies goes into the fields. An error goes into the field `err`. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Logger;
}

/** Where lines go; standard error unless told otherwise. */
export interface LogSink {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly name: string;
  /** Stands in every line, where the daemon serves one. */
  readonly workspace?: string | undefined;
  /** Told of every line of a warning or an error, also of those below the level. */
  readonly onLine?: ((level: "warn" | "error") => void) | undefined;
  readonly level?: LogLevel;
  readonly sink?: LogSink;
}

// Also one level down: fields are sometimes whole option records.
const SECRET_NAMES = ["seed", "token", "password", "secret", "authorization", "credentials"];
const REDACTED_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`]);

export function createLogger(options: LoggerOptions): Logger {
  const { destination, pino, stdTimeFunctions }: typeof PinoModule = require("pino");
  const bound = options.workspace === undefined ? {} : { workspace: options.workspace };
  const settings = {
    level: options.level ?? "info",
    base: { name: options.name, pid: process.pid, ...bound },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: "[redacted]" },
    serializers: { err: errorFields },
  };
  // Synchronous: the line that explains a crash must not be lost in a buffer.
  return wrap(pino(settings, options.sink ?? destination({ fd: 2, sync: true })), bound, options.onLine);
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function wrap(inner: Pino, bound: LogFields, onLine: LoggerOptions["onLine"]): Logger {
  return {
    debug: (fields, message) => inner.debug(beside(bound, fields), message),
    info: (fields, message) => inner.info(beside(bound, fields), message),
    warn: (fields, message) => {
      onLine?.("warn");
      inner.warn(beside(bound, fields), message);
    },
    error: (fields, message) => {
      onLine?.("error");
      inner.error(beside(bound, fields), message);
    },
    child: (fields) => wrap(inner.child(beside(bound, fields)), { ...bound, ...fields }, onLine),
  };
}

/** The fields that do not already stand in every line: a name that occurs twice is no good JSON. */
function beside(bound: LogFields, fields: LogFields): LogFields {
  const double = Object.keys(fields).filter((name) => Object.hasOwn(bound, name) && bound[name] === fields[name]);
  return double.length === 0 ? fields : Object.fromEntries(Object.entries(fields).filter(([name]) => !double.includes(name)));
}

const MAX_CAUSES = 5;

/** What a log keeps of something thrown: its code, message, details, stack and causes. */
export function errorFields(thrown: unknown, depth = 0): LogFields {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  return {
    ...(thrown instanceof TriplaneError ? { code: thrown.code, hint: thrown.hint, details: thrown.details } : { type: thrown.name }),
    message: thrown.message,
    ...(depth === 0 && thrown.stack !== undefined ? { stack: thrown.stack } : {}),
    ...(thrown.cause !== undefined && depth < MAX_CAUSES ? { cause: errorFields(thrown.cause, depth + 1) } : {}),
  };
}
