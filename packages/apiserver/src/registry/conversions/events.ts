import type { JsonObject } from '@coxswain/api';

/** Names in events.k8s.io/v1 → names in v1; all others are the same. */
const renamed: Readonly<Record<string, string>> = {
  reportingController: 'reportingComponent', regarding: 'involvedObject', note: 'message', deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp', deprecatedLastTimestamp: 'lastTimestamp', deprecatedCount: 'count',
};
const back: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(renamed).map(([key, value]) => [value, key]));

function rename(object: JsonObject, names: Readonly<Record<string, string>>, apiVersion: string): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(object)) result[names[key] ?? key] = value;
  result['apiVersion'] = apiVersion;
  return result;
}

export function coreEvent(object: JsonObject): JsonObject {
  return rename(object, renamed, 'v1');
}

export function newEvent(object: JsonObject): JsonObject {
  return rename(object, back, 'events.k8s.io/v1');
}
