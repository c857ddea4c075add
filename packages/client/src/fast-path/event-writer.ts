import { utf8 } from '@coxswain/host';
import type { WriteEvents } from '../event-outbox.ts';
import type { Client } from '../types.ts';
import { writeItems } from './write-items.ts';

/** New events many to a call, where the server has a fast path. */
export function eventWriter(client: Client): WriteEvents {
  return async (events) => {
    const items = events.map((event) => ({
      namespace: event.metadata.namespace ?? '', name: event.metadata.name ?? '', event: { apiVersion: 'v1', body: utf8(JSON.stringify({ apiVersion: 'v1', kind: 'Event', ...event })) },
    }));
    return (await writeItems(client, items, { refusalsOnly: true }))?.map(({ code }) => code);
  };
}
