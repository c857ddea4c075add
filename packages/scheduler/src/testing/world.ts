import { fakeServerWorld, type FakeApiServer, type FakeObject } from '@coxswain/client/testing';
import type { Host } from '@coxswain/host';
import type { Simulation } from '@coxswain/host/sim';
import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { defaultSchedulerConfig, type SchedulerConfig } from '../config.ts';
import { startScheduler, type RunningScheduler } from '../start.ts';

export interface World { readonly sim: Simulation; readonly server: FakeApiServer; readonly start: (config?: SchedulerConfig) => Promise<Host>; /** The one that was started last. */ readonly scheduler: () => RunningScheduler }

export async function world(seed = 1): Promise<World> {
  const { sim, server, beside } = await fakeServerWorld(seed);
  let scheduler: RunningScheduler | undefined;
  return { sim, server, scheduler: () => scheduler as RunningScheduler, async start(config = defaultSchedulerConfig('test')) {
    const { host, client } = beside('client');
    scheduler = startScheduler(config, host, client);
    return host;
  } };
}

export function put(server: FakeApiServer, resource: string, object: unknown, group = ''): FakeObject {
  const { metadata } = object as FakeObject;
  return server.store.create({ group, resource, namespace: metadata.namespace ?? '' }, object as FakeObject);
}

export function node(name: string, more: { cpu?: string; memory?: string; spec?: Node['spec']; labels?: Record<string, string> } = {}): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more.labels } }, spec: more.spec ?? {},
    status: { allocatable: { cpu: more.cpu ?? '4', memory: more.memory ?? '8Gi', pods: '110' } },
  };
}

export function pod(name: string, cpu = '100m', spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}): Pod {
  return {
    metadata: { name, namespace: 'default', labels },
    spec: { schedulerName: 'default-scheduler', containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }], ...spec },
  };
}

export function read(server: FakeApiServer, name: string): Pod {
  return server.store.get({ group: '', resource: 'pods', namespace: 'default', name }) as Pod;
}

export function whenPod(sim: Simulation, server: FakeApiServer, name: string, holds: (pod: Pod) => boolean): Promise<unknown> {
  const reached = new Promise<void>((resolve) => {
    const check = (): void => {
      const found = server.store.list('', 'pods', 'default').find((object) => object.metadata.name === name) as Pod | undefined;
      if (found !== undefined && holds(found)) resolve();
    };
    server.store.listeners.add(check);
    check();
  });
  return sim.runUntil(reached, 600_000, `pod ${name}`);
}

export function whenEvent(sim: Simulation, server: FakeApiServer, reason: string): Promise<{ message: string }> {
  return sim.runUntil(new Promise<{ message: string }>((resolve) => {
    const check = (): void => {
      const event = server.store.list('', 'events', '').find((object) => object['reason'] === reason);
      if (event !== undefined) resolve(event as unknown as { message: string });
    };
    server.store.listeners.add(check);
    check();
  }), 60_000, `event ${reason}`);
}

export const assigned = (found: Pod): boolean => (found.spec?.nodeName ?? '') !== '';
