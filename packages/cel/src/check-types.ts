/** Types as the checker reasons about them. */
export type CheckType =
  | { readonly kind: 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'error' }
  /** `any`: of what carries its type with it. It is used as dyn is, and is another type all the same. */
  | { readonly kind: 'dyn'; readonly any?: true }
  | { readonly kind: 'list'; readonly params: readonly [CheckType] }
  | { readonly kind: 'map'; readonly params: readonly [CheckType, CheckType] }
  /** A message with fields; `name` finds them. Also Kubernetes' own types without fields. */
  | { readonly kind: 'object'; readonly name: string }
  | { readonly kind: 'opaque'; readonly name: string; readonly params: readonly CheckType[] }
  | { readonly kind: 'type'; readonly params: readonly CheckType[] }
  | { readonly kind: 'param'; readonly name: string };

export const boolType: CheckType = { kind: 'bool' };
export const intType: CheckType = { kind: 'int' };
export const stringType: CheckType = { kind: 'string' };
export const dynType: CheckType = { kind: 'dyn' };
export const anyType: CheckType = { kind: 'dyn', any: true };
export const errorType: CheckType = { kind: 'error' };

export const listOf = (element: CheckType): CheckType => ({ kind: 'list', params: [element] });
export const mapOf = (key: CheckType, value: CheckType): CheckType => ({ kind: 'map', params: [key, value] });
export const typeOf = (of: CheckType): CheckType => ({ kind: 'type', params: [of] });
export const optionalOf = (of: CheckType): CheckType => ({ kind: 'opaque', name: 'optional_type', params: [of] });
export const paramType = (name: string): CheckType => ({ kind: 'param', name });

const noParams: readonly CheckType[] = [];
export const paramsOf = (type: CheckType): readonly CheckType[] => ('params' in type ? type.params : noParams);

export const isOptional = (type: CheckType): boolean => type.kind === 'opaque' && type.name === 'optional_type';

export function unwrapOptional(type: CheckType): { readonly type: CheckType; readonly optional: boolean } {
  return type.kind === 'opaque' && type.name === 'optional_type' ? { type: type.params[0] as CheckType, optional: true } : { type, optional: false };
}

function nameOf(type: CheckType): string {
  switch (type.kind) {
    case 'object': case 'opaque': case 'param': return type.name;
    case 'error': return '!error!';
    case 'dyn': return type.any === true ? 'any' : 'dyn';
    default: return type.kind;
  }
}

/** As errors show it: `list(map(string, dyn))`. */
export function typeText(type: CheckType): string {
  const params = paramsOf(type);
  return params.length === 0 ? nameOf(type) : `${nameOf(type)}(${params.map(typeText).join(', ')})`;
}

/** By the names that values have: upstream shows both. */
export function runtimeText(type: CheckType): string {
  const params = paramsOf(type);
  if (type.kind === 'dyn' && type.any === true) return 'google.protobuf.Any';
  if (type.kind === 'null') return 'null_type';
  return params.length === 0 ? nameOf(type) : `${nameOf(type)}(${params.map(runtimeText).join(', ')})`;
}

export function sameType(a: CheckType, b: CheckType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || nameOf(a) !== nameOf(b)) return false;
  const left = paramsOf(a);
  const right = paramsOf(b);
  return left.length === right.length && left.every((param, index) => sameType(param, right[index] as CheckType));
}
