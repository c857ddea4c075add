import type { Pod } from 'kubernetes-types/core/v1';
import type { ClusterEvent } from '../framework/events.ts';
import type { EnqueueExtensions, EventRegistration } from '../framework/interface.ts';

/** Where an event sends a pod that had been rejected. */
export type Requeue = 'no' | 'after-backoff' | 'at-once';

export interface Rejection {
  readonly unschedulablePlugins: ReadonlySet<string>;
  readonly pendingPlugins: ReadonlySet<string>;
}

function concerns(registration: EventRegistration, event: ClusterEvent): boolean {
  return registration.resource === event.resource && registration.actions.some((action) => event.actions.includes(action));
}

function helps(registration: EventRegistration, pod: Pod, event: ClusterEvent): boolean {
  if (registration.hint === undefined) return true;
  try {
    return registration.hint(pod, event);
  } catch {
    // A hint that fails must not hold a pod back for ever.
    return true;
  }
}

/** By the plugins of one profile: which events can change which plugin's mind. */
export class QueueingHints {
  readonly #registrations: ReadonlyMap<string, readonly EventRegistration[]>;

  constructor(plugins: readonly EnqueueExtensions[]) {
    this.#registrations = new Map(plugins.map((plugin) => [plugin.name, plugin.eventsToRegister()]));
  }

  judge(pod: Pod, rejection: Rejection, event: ClusterEvent): Requeue {
    if (event.resource === '*') return 'after-backoff';
    if (this.#anyHelped(rejection.pendingPlugins, pod, event)) return 'at-once';
    const nobody = rejection.unschedulablePlugins.size + rejection.pendingPlugins.size === 0;
    return nobody || this.#anyHelped(rejection.unschedulablePlugins, pod, event) ? 'after-backoff' : 'no';
  }

  /** Whether `judge` might say something else than no, whatever the pod. */
  concerns({ unschedulablePlugins, pendingPlugins }: Rejection, event: ClusterEvent): boolean {
    if (event.resource === '*' || unschedulablePlugins.size + pendingPlugins.size === 0) return true;
    for (const name of unschedulablePlugins.union(pendingPlugins)) {
      const registrations = this.#registrations.get(name);
      if (registrations === undefined || registrations.some((registration) => concerns(registration, event))) return true;
    }
    return false;
  }

  #anyHelped(plugins: ReadonlySet<string>, pod: Pod, event: ClusterEvent): boolean {
    for (const name of plugins) {
      const registrations = this.#registrations.get(name);
      if (registrations === undefined || registrations.some((registration) => concerns(registration, event) && helps(registration, pod, event))) return true;
    }
    return false;
  }
}
