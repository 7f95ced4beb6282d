// Structured logs: one JSON object a line on standard error, a static message, data in fields, secrets struck out.
import { TriplaneError } from "@triplane/contract";
import { destination, type Logger as Pino, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./log-levels.ts";

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
  readonly level?: LogLevel;
  readonly sink?: LogSink;
}

// Also one level down: fields are sometimes whole option records.
const SECRET_NAMES = ["seed", "token", "password", "secret", "authorization", "credentials"];
const REDACTED_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`]);

export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level ?? "info",
    base: { name: options.name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: "[redacted]" },
    serializers: { err: errorFields },
  };
  // Synchronous: the line that explains a crash must not be lost in a buffer.
  return wrap(pino(settings, options.sink ?? destination({ fd: 2, sync: true })));
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function wrap(inner: Pino): Logger {
  return {
    debug: (fields, message) => inner.debug(fields, message),
    info: (fields, message) => inner.info(fields, message),
    warn: (fields, message) => inner.warn(fields, message),
    error: (fields, message) => inner.error(fields, message),
    child: (fields) => wrap(inner.child(fields)),
  };
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
