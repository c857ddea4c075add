import { setTimeout as sleep } from 'node:timers/promises';
import * as net from 'node:net';
import type { Client } from '@coxswain/client';
import { resources } from '@coxswain/client';
import type { Node } from 'kubernetes-types/core/v1';

/** Ready, and said so after `sinceMs`. Heartbeats count in whole seconds. */
function isReady(node: Node, sinceMs: number): boolean {
  return node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'
    && Date.parse(condition.lastHeartbeatTime ?? '') >= Math.floor(sinceMs / 1000) * 1000) === true;
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

/** Follows the nodes by a watch until all of them are Ready; `since`: by name, the time before which their word is old. */
export async function nodesReady(client: Client, since: ReadonlyMap<string, number>, timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const waiting = new Map(since);
  const look = (node: Node): void => {
    const name = node.metadata?.name ?? '';
    if (isReady(node, waiting.get(name) ?? 0)) waiting.delete(name);
  };
  try {
    while (waiting.size > 0) {
      const list = await client.list(resources.nodes, { signal });
      list.items.forEach(look);
      if (waiting.size === 0) return;
      for await (const event of client.watch(resources.nodes, { resourceVersion: list.metadata.resourceVersion, signal })) {
        if (event.type === 'MODIFIED' || event.type === 'ADDED') look(event.object);
        if (waiting.size === 0) return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (waiting.size > 0) throw new NotInTime(`node ${[...waiting.keys()].join(', ')} is not Ready`);
}
