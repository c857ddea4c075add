/**
 * What an extension point answers.
 * - Success: go on.
 * - Unschedulable: not here now; preemption may help.
 * - UnschedulableAndUnresolvable: not here, and removing pods would not change it.
 * - Error: the plugin could not tell; the pod is tried again after its back-off.
 * - Wait (Permit only): the binding waits until allowed or rejected.
 * - Skip: the plugin has nothing to do with this pod (PreFilter, PreScore), or leaves it to the next one (Bind).
 * - Pending (Reserve, Permit, PreBind): waits for something outside; the pod is retried without back-off.
 */
export type Code = 'Success' | 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Error' | 'Wait' | 'Skip' | 'Pending';

export interface Status {
  readonly code: Code;
  readonly reasons: readonly string[];
  /** Name of the plugin that rejected; '' until the framework fills it in. */
  readonly plugin: string;
}

export const success: Status = { code: 'Success', reasons: [], plugin: '' };
export const skip: Status = { code: 'Skip', reasons: [], plugin: '' };

export function unschedulable(...reasons: readonly string[]): Status {
  return { code: 'Unschedulable', reasons, plugin: '' };
}

export function unresolvable(...reasons: readonly string[]): Status {
  return { code: 'UnschedulableAndUnresolvable', reasons, plugin: '' };
}

export function failed(error: unknown): Status {
  return { code: 'Error', reasons: [error instanceof Error ? error.message : String(error)], plugin: '' };
}

export function isRejected(status: Status): boolean {
  return status.code === 'Unschedulable' || status.code === 'UnschedulableAndUnresolvable' || status.code === 'Pending';
}

/** The same status in the name of a plugin; allocates only if it has to. */
export function fromPlugin(status: Status, plugin: string): Status {
  return status.plugin === '' && status.code !== 'Success' ? { ...status, plugin } : status;
}
