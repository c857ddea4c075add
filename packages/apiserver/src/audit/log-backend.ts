import type { AuditBackend, AuditFailures } from './backend.ts';
import { eventJson, eventLegacy } from './event.ts';
import { GatheredLines, type LineWriter } from './rotating-file.ts';

export type AuditLogFormat = 'json' | 'legacy';

/** A line an event. */
export function logBackend(writer: LineWriter, format: AuditLogFormat, failures: AuditFailures): AuditBackend {
  const lines = new GatheredLines(writer);
  const render = format === 'json' ? eventJson : eventLegacy;
  return {
    async process(events) {
      try {
        await lines.write(events.map((event) => `${render(event)}\n`).join(''));
        return true;
      } catch (error) {
        failures.report('log', error, events.length);
        return false;
      }
    },
    stop: () => lines.close().catch((error: unknown) => failures.report('log', error, 0)),
  };
}
