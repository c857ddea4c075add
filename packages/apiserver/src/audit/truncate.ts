import { atLeast } from './policy.ts';
import { eventJson, type AuditEvent } from './event.ts';
import type { AuditBackend, AuditFailures } from './backend.ts';

export interface TruncateOptions {
  readonly maxEventSizeBytes: number;
  readonly maxBatchSizeBytes: number;
}

function withoutObjects(event: AuditEvent): AuditEvent {
  return { ...event, requestObject: undefined, responseObject: undefined, annotations: new Map([...event.annotations, ['audit.k8s.io/truncated', 'true']]) };
}

/** Takes the objects out of events that are too large, and splits batches. */
export function truncating(inner: AuditBackend, options: TruncateOptions, failures: AuditFailures): AuditBackend {
  return {
    async process(events) {
      let kept = true;
      let batch: AuditEvent[] = [];
      let batchBytes = 0;
      const send = async (): Promise<void> => {
        const sending = batch;
        batch = [];
        batchBytes = 0;
        if (sending.length > 0) kept = (await inner.process(sending)) && kept;
      };
      for (const whole of events) {
        let event = whole;
        let sizeBytes = eventJson(event).length;
        if (sizeBytes > options.maxEventSizeBytes && atLeast(event.level, 'Request')) {
          event = withoutObjects(event);
          sizeBytes = eventJson(event).length;
        }
        if (sizeBytes > options.maxEventSizeBytes) {
          failures.report('truncate', new Error('event is too large even after truncating'), 1);
          continue;
        }
        if (batchBytes + sizeBytes > options.maxBatchSizeBytes) await send();
        batch.push(event);
        batchBytes += sizeBytes;
      }
      await send();
      return kept;
    },
    stop: () => inner.stop(),
  };
}
