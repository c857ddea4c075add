import type { Client } from '@coxswain/client';
import { Simulation } from '@coxswain/host/sim';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { StatusManager } from './status-manager.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers: [] } };

test('a status that is set at the moment at which a write ends is written too', async () => {
  // Whatever the number of steps by which it comes after the answer.
  for (let steps = 1; steps < 12; steps += 1) {
    const sent: unknown[] = [];
    const { host } = new Simulation({ seed: 1 }).start('n', 'kubelet');
    const later = async (): Promise<void> => {
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      manager.set(pod, { phase: 'Succeeded' });
    };
    const client = { patch: (_type: unknown, _key: unknown, _how: unknown, body: { status: { phase: string } }) => {
      sent.push(body.status.phase);
      if (sent.length === 1) void later();
      return Promise.resolve({ ...pod, status: body.status });
    } } as unknown as Client;
    const manager = new StatusManager(client, host);
    manager.set(pod, { phase: 'Running' });
    await new Promise((resolve) => { setImmediate(resolve); });
    await manager.flushed('u');
    expect(sent, `${steps} steps`).toEqual(['Running', 'Succeeded']);
  }
});
