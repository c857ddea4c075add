import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';
import { validatorOf } from './table.ts';

const fewer = 'Invalid value: 1: cannot be greater than status.replicas';

/** A status that is written, and what Kubernetes 1.32 says of it. */
const statuses: readonly (readonly [key: string, status: JsonObject, errors: readonly string[]])[] = [
  ['deployments.apps', { replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1 }, []],
  ['deployments.apps', { availableReplicas: 1 }, [`status.availableReplicas: ${fewer}`, 'status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas']],
  ['deployments.apps', { updatedReplicas: 1 }, [`status.updatedReplicas: ${fewer}`]],
  ['replicasets.apps', { fullyLabeledReplicas: 1 }, [`status.fullyLabeledReplicas: ${fewer}`]],
  ['statefulsets.apps', { replicas: 1, availableReplicas: 1 }, ['status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas']],
  ['poddisruptionbudgets.policy', { conditions: [{ type: 'A', status: 'True', reason: 'R', lastTransitionTime: '2026-01-01T00:00:00Z' }], disruptionsAllowed: -1 }, ['status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0']],
  ['poddisruptionbudgets.policy', { conditions: [{ type: 'A', status: 'x', reason: 'R', lastTransitionTime: '2026-01-01T00:00:00Z' }] }, ['status.conditions[0].status: Unsupported value: "x": supported values: "False", "True", "Unknown"']],
  ['apiservices.apiregistration.k8s.io', { conditions: [{ type: 'Available', status: 'x' }] }, ['status.conditions[0].status: Unsupported value: "x": supported values: "True", "False", "Unknown"']],
  ['nodes', { addresses: [{ type: 'Hostname', address: 'a' }, { type: 'Hostname', address: 'a' }] }, ['status.addresses[1]: Duplicate value: core.NodeAddress{Type:"Hostname", Address:"a"}']],
];

it.each(statuses)('%s %j', (key, status, errors) => {
  const object = { metadata: { name: 'a' }, status };
  expect(validatorOf(key)?.updateStatus?.(object, { metadata: { name: 'a' } }).map(({ field, message }) => `${field}: ${message}`)).toEqual(errors);
});

const event: JsonObject = {
  metadata: { name: 'e', namespace: 'work', uid: 'u', resourceVersion: '1' }, involvedObject: { namespace: 'work', name: 'p' }, eventTime: '2026-01-01T00:00:00.000000Z',
  reportingComponent: 'example.com/c', reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal',
};

/** Changes of an event: what each group says of them. */
const changes: readonly (readonly [change: JsonObject, core: readonly string[], events: readonly string[]])[] = [
  [{ action: '' }, ['action: Required value'], ['action: Required value', 'action: Invalid value: "": field is immutable']],
  [{ reason: 'S' }, [], ['reason: Invalid value: "S": field is immutable', 'reason: Invalid value: "S": field is immutable']],
  [{ eventTime: '2030-01-01T00:00:00.000000Z' }, [], ['eventTime: Invalid value: 2030-01-01 00:00:00 +0000 UTC: field is immutable']],
  [{ series: { count: 1, lastObservedTime: '2030-01-01T00:00:00.000000Z' } }, [], ['series.count: Invalid value: "": should be at least 2']],
  [{ reportingComponent: 'x' }, [], ['reportingController: Invalid value: "x": field is immutable']],
];

describe.each(changes)('an event with %j', (change, core, events) => {
  it.each([['', core], ['events.k8s.io', events]])('asked in group %j', (requestGroup, expected) => {
    const context: StrategyContext = { now: '2026-01-01T00:00:00Z', subresource: '', requestGroup, userName: 'u', userGroups: [], randomSuffix: (length) => 'x'.repeat(length) };
    expect(validatorOf('events')?.update?.({ ...event, ...change }, event, context).map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
  });
});
