import { trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { serializeError } from './serialize-error.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  /** The service's name, in every line. */
  service: string;
  /** The replica's, likewise. */
  instance?: string;
  level?: string;
  /** Where lines go; standard output unless told otherwise. */
  destination?: DestinationStream;
}

/** Should one of these ever be handed to the logger, at the top or one level down, its value does not get through. */
const secrets = ['authorization', 'cookie', '["set-cookie"]', 'password', 'token', 'secret'];

/**
 * JSON lines on standard output. A line written inside a span carries its trace and span id. Bodies, cookies, tokens
 * and passwords are not logged: no code hands them over, and redaction stands behind that.
 */
export function createLogger(options: LogOptions): Logger {
  const settings: LoggerOptions = {
    level: options.level ?? 'info',
    base: { service: options.service, ...(options.instance === undefined ? {} : { instance: options.instance }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError, error: serializeError },
    redact: secrets.flatMap((name) => [name, name.startsWith('[') ? `*${name}` : `*.${name}`]),
    mixin: activeTrace,
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}

function activeTrace(): object {
  const context = trace.getActiveSpan()?.spanContext();
  return context ? { traceId: context.traceId, spanId: context.spanId } : {};
}
