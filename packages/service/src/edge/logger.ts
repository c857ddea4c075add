import type { LogFields, Logger } from '@coxswain/host';
import { pino } from 'pino';
import pretty from 'pino-pretty';

function wrap(inner: pino.Logger): Logger {
  return {
    debug: (message, fields: LogFields = {}) => inner.debug(fields, message),
    info: (message, fields: LogFields = {}) => inner.info(fields, message),
    warn: (message, fields: LogFields = {}) => inner.warn(fields, message),
    error: (message, fields: LogFields = {}) => inner.error(fields, message),
    child: (fields) => wrap(inner.child(fields)),
  };
}

/** JSON lines on stderr (or to `destination`: a file descriptor or a path), pretty on a terminal. Written synchronously, so that the last line before a crash is there. */
export function createLogger(component: string, verbosity = 2, destination: number | string = 2): Logger {
  const options: pino.LoggerOptions = {
    level: verbosity >= 4 ? 'debug' : 'info', base: { component },
    timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) }, messageKey: 'msg',
  };
  const out = destination === 2 && process.stderr.isTTY ? pretty({ destination: 2, sync: true, ignore: 'component' }) : pino.destination({ dest: destination, sync: true, mkdir: true });
  return wrap(pino(options, out));
}
