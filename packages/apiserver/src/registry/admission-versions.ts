import { apiDescription, applyDefaults, decodeBody, internalError, scanJson, StatusError, typeOfKind, type JsonObject, type TypeOf } from '@coxswain/api';
import { emptyBytes } from '@coxswain/host';
import { PolicyConversionError } from '../admission/policy/conversion-error.ts';
import type { AdmissionVersion, GroupVersionKind } from '../types.ts';
import type { Operation } from './context.ts';
import { apiVersionOf, type KindCodec, type ServedKind } from './kind.ts';
import { copy, isObject } from './object.ts';
import { converterReason, innerReason } from './patch-errors.ts';

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

/** What a JSON patch made is decoded as a body is, and what does not decode is the server's fault; what was merged is converted. */
function settlePolicy(gvk: GroupVersionKind, convert: KindCodec['convert']): AdmissionVersion['settlePolicy'] {
  return (made, strict) => {
    try {
      const { object, warnings } = convert(made, strict ? 'Warn' : 'Ignore');
      if (strict && warnings.length > 0) throw internalError(`strict decoding error: ${warnings.join(', ')}`);
      return object;
    } catch (error) {
      if (!(error instanceof StatusError) || error.reason !== 'BadRequest') throw error;
      const why = innerReason(error);
      throw strict ? internalError(why) : new PolicyConversionError(`unable to convert unstructured object to ${apiVersionOf(gvk)}, Kind=${gvk.kind}: ${converterReason(why)}`);
    }
  };
}

function structureOf(kind: ServedKind): TypeOf {
  return { description: kind.custom?.description ?? apiDescription, typeName: kind.api.typeName };
}

function policySettling(kind: ServedKind): Pick<AdmissionVersion, 'settlePolicy' | 'structure'> {
  // Custom objects have no types that a converter could miss, and are validated later.
  const convert: KindCodec['convert'] = (object, validation) => kind.codec.convert(object, kind.custom === undefined ? validation : 'Ignore');
  return { settlePolicy: settlePolicy(kind.api, convert), structure: structureOf(kind) };
}

function own(kind: ServedKind): AdmissionVersion {
  const { group, version, resource } = kind.api;
  return { group, version, resource, kind: kind.api, from: (object) => Promise.resolve(onTheWire(kind, object)), back: (object) => Promise.resolve(object), settle: settle(kind), ...policySettling(kind) };
}

function other(request: ServedKind, kind: ServedKind): AdmissionVersion {
  const { group, version, resource } = kind.api;
  return {
    group, version, resource, kind: kind.api, settle: settle(kind), ...policySettling(kind),
    from: (object) => Promise.resolve(onTheWire(kind, kind.fromHub(request.toHub(copy(object))))),
    back: (object) => Promise.resolve(typed(request, request.fromHub(kind.toHub(object)))),
  };
}

/** Subresources with objects of their own have them in one version, whichever the resource is asked in. */
function foreign(kind: ServedKind, objectKind: GroupVersionKind): AdmissionVersion {
  const { group, version, resource } = kind.api;
  const typeName = typeOfKind(objectKind.group, objectKind.version, objectKind.kind);
  const convert: KindCodec['convert'] = (value, validation) => {
    if (typeName === undefined) return { object: value, warnings: [] };
    const { object, warnings } = decodeBody({ ...objectKind, typeName }, emptyBytes, validation, () => ({ value, duplicates: [], wholeFloats: new Map() }));
    applyDefaults(typeName, object);
    return { object, warnings };
  };
  return {
    group, version, resource, kind: objectKind, from: (object) => Promise.resolve(copy(object)), back: (object) => Promise.resolve(object), settle: (object) => object,
    settlePolicy: settlePolicy(objectKind, convert), structure: typeName === undefined ? undefined : { description: apiDescription, typeName },
  };
}

export function admissionVersions({ kind, context }: Operation, objectKind: GroupVersionKind | undefined): readonly AdmissionVersion[] {
  const others = context.equivalents(kind);
  if (objectKind !== undefined) return [kind, ...others].map((one) => foreign(one, objectKind));
  return [own(kind), ...others.map((one) => other(kind, one))];
}
