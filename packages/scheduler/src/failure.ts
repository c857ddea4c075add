import type { Status } from './framework/status.ts';
import { isRejected } from './framework/status.ts';

/** Why a pod goes back to the queue, as its condition and event tell it. */
export interface Failure {
  readonly message: string;
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly unschedulablePlugins: ReadonlySet<string>;
  readonly pendingPlugins: ReadonlySet<string>;
  /** undefined: as it was. */
  readonly nominatedNodeName?: string | undefined;
}

const nobody: ReadonlySet<string> = new Set();

export function errorFailure(message: string): Failure {
  return { message, reason: 'SchedulerError', unschedulablePlugins: nobody, pendingPlugins: nobody };
}

export function refusedBy(plugin: string, message: string): Failure {
  return { message, reason: 'Unschedulable', unschedulablePlugins: new Set([plugin]), pendingPlugins: nobody };
}

/** Of a binding that came to nothing. */
export function failureOf(status: Status): Failure {
  const message = status.reasons.join(', ');
  return isRejected(status) ? refusedBy(status.plugin, message) : errorFailure(message);
}
