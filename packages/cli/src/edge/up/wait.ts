import { setTimeout as sleep } from 'node:timers/promises';
import * as net from 'node:net';
import type { Client } from '@coxswain/client';
import { resources } from '@coxswain/client';
import type { Node } from 'kubernetes-types/core/v1';

function isReady(node: Node): boolean {
  return node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
}

export class NotInTime extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotInTime';
  }
}

/** The processes outside have no event to wait for here, so they are asked again until they answer. */
export async function until(what: string, timeoutMs: number, probe: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await probe())) {
    if (performance.now() > deadlineMs) throw new NotInTime(what);
    await sleep(50);
  }
}

export function socketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

export async function apiReady(client: Client): Promise<boolean> {
  try {
    return (await client.raw({ method: 'GET', target: '/readyz', signal: AbortSignal.timeout(2000) })).status === 200;
  } catch {
    // Not listening yet is what we wait out; the caller's deadline says it in words.
    return false;
  }
}

/** Follows the nodes by a watch until all of `names` are Ready. */
export async function nodesReady(client: Client, names: readonly string[], timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const waiting = new Set(names);
  while (!signal.aborted) {
    const list = await client.list(resources.nodes, { signal });
    for (const node of list.items) if (isReady(node)) waiting.delete(node.metadata?.name ?? '');
    if (waiting.size === 0) return;
    for await (const event of client.watch(resources.nodes, { resourceVersion: list.metadata.resourceVersion, signal })) {
      if (event.type === 'MODIFIED' || event.type === 'ADDED') {
        if (isReady(event.object)) waiting.delete(event.object.metadata?.name ?? '');
      }
      if (waiting.size === 0) return;
    }
  }
  throw new NotInTime(`node ${[...waiting].join(', ')} is not Ready`);
}
