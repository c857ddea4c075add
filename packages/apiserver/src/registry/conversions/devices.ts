import type { Json, JsonObject } from '@coxswain/api';
import { isObject } from '../object.ts';

/** v1alpha3 has a capacity's amount where v1beta1 has an object around it; all else of the group is the same. */
function withCapacities(slice: JsonObject, apiVersion: string, change: (value: Json) => Json): JsonObject {
  const spec = slice['spec'];
  const devices = isObject(spec) ? spec['devices'] : undefined;
  const moved = { ...slice, apiVersion };
  if (!isObject(spec) || !Array.isArray(devices)) return moved;
  return {
    ...moved, spec: { ...spec, devices: devices.map((device) => {
      const basic = isObject(device) ? device['basic'] : undefined;
      const capacity = isObject(basic) ? basic['capacity'] : undefined;
      if (!isObject(device) || !isObject(basic) || !isObject(capacity)) return device;
      return { ...device, basic: { ...basic, capacity: Object.fromEntries(Object.entries(capacity).map(([name, value]) => [name, change(value)])) } };
    }) },
  };
}

export function wrappedCapacity(slice: JsonObject): JsonObject {
  return withCapacities(slice, 'resource.k8s.io/v1beta1', (value) => ({ value }));
}

export function plainCapacity(slice: JsonObject): JsonObject {
  return withCapacities(slice, 'resource.k8s.io/v1alpha3', (value) => (isObject(value) ? value['value'] ?? '0' : value));
}
