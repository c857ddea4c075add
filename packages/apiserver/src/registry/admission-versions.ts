import { scanJson, type JsonObject } from '@coxswain/api';
import type { AdmissionVersion, GroupVersionKind } from '../types.ts';
import type { Operation } from './context.ts';
import { apiVersionOf, type ServedKind } from './kind.ts';
import { copy, isObject } from './object.ts';

function typed(kind: ServedKind, object: JsonObject): JsonObject {
  return { ...object, kind: kind.api.kind, apiVersion: apiVersionOf(kind.api) };
}

/** As it goes over the wire: with the empty objects that Go writes, which patches may count on. */
function onTheWire(kind: ServedKind, object: JsonObject): JsonObject {
  const { value } = scanJson(kind.codec.encode(typed(kind, object)));
  return isObject(value) ? value : object;
}

function settle(kind: ServedKind): AdmissionVersion['settle'] {
  return (object) => kind.codec.convert(object, 'Ignore').object;
}

function own(kind: ServedKind): AdmissionVersion {
  const { group, version, resource } = kind.api;
  return { group, version, resource, kind: kind.api, from: (object) => Promise.resolve(onTheWire(kind, object)), back: (object) => Promise.resolve(object), settle: settle(kind) };
}

function other(request: ServedKind, kind: ServedKind): AdmissionVersion {
  const { group, version, resource } = kind.api;
  return {
    group, version, resource, kind: kind.api, settle: settle(kind),
    from: (object) => Promise.resolve(onTheWire(kind, kind.fromHub(request.toHub(copy(object))))),
    back: (object) => Promise.resolve(typed(request, request.fromHub(kind.toHub(object)))),
  };
}

/** Subresources with objects of their own have them in one version, whichever the resource is asked in. */
function foreign(kind: ServedKind, objectKind: GroupVersionKind): AdmissionVersion {
  const { group, version, resource } = kind.api;
  return { group, version, resource, kind: objectKind, from: (object) => Promise.resolve(copy(object)), back: (object) => Promise.resolve(object), settle: (object) => object };
}

export function admissionVersions({ kind, context }: Operation, objectKind: GroupVersionKind | undefined): readonly AdmissionVersion[] {
  const others = context.equivalents(kind);
  if (objectKind !== undefined) return [kind, ...others].map((one) => foreign(one, objectKind));
  return [own(kind), ...others.map((one) => other(kind, one))];
}
