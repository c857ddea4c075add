import { dynType, paramsOf, sameType, type CheckType } from './check-types.ts';

/** What stands for type parameters so far, by their name. */
export type Substitutions = Map<string, CheckType>;

const isDynOrError = (type: CheckType): boolean => type.kind === 'dyn' || type.kind === 'error';
const isNullable = (type: CheckType): boolean => ['opaque', 'object', 'duration', 'timestamp', 'null'].includes(type.kind);

/** Undefined, or the substitutions under which `from` may be used as `to`. */
export function assignable(substitutions: Substitutions, to: CheckType, from: CheckType): Substitutions | undefined {
  const next = new Map(substitutions);
  return assign(next, to, from) ? next : undefined;
}

export function assignableAll(substitutions: Substitutions, to: readonly CheckType[], from: readonly CheckType[]): Substitutions | undefined {
  const next = new Map(substitutions);
  return assignAll(next, to, from) ? next : undefined;
}

function assignAll(substitutions: Substitutions, left: readonly CheckType[], right: readonly CheckType[]): boolean {
  return left.length === right.length && left.every((type, index) => assign(substitutions, type, right[index] as CheckType));
}

function assign(substitutions: Substitutions, left: CheckType, right: CheckType): boolean {
  if (right.kind === 'param') {
    const { valid, known } = substitute1(substitutions, left, right);
    if (valid) return true;
    if (known) return false;
  }
  if (left.kind === 'param') return substitute1(substitutions, right, left).valid;
  if (isDynOrError(left) || isDynOrError(right)) return true;
  if (left.kind === 'null') return isNullable(right);
  if (right.kind === 'null') return isNullable(left);
  switch (left.kind) {
    case 'type': return right.kind === 'type';
    case 'opaque': case 'list': case 'map':
      return left.kind === right.kind && nameOf(left) === nameOf(right) && assignAll(substitutions, paramsOf(left), paramsOf(right));
    default: return sameType(left, right);
  }
}

const nameOf = (type: CheckType): string => ('name' in type ? type.name : type.kind);

/** Whether `type` can stand for the parameter, and whether something already did. */
function substitute1(substitutions: Substitutions, type: CheckType, param: CheckType & { readonly kind: 'param' }): { readonly valid: boolean; readonly known: boolean } {
  if (type.kind === 'param' && type.name === param.name) return { valid: true, known: true };
  const current = substitutions.get(param.name);
  if (current !== undefined) {
    if (sameType(type, current)) return { valid: true, known: true };
    if (!assign(substitutions, type, current)) return { valid: false, known: true };
    const general = mostGeneral(type, current);
    if (notWithin(substitutions, param, general)) substitutions.set(param.name, general);
    return { valid: true, known: true };
  }
  if (!notWithin(substitutions, param, type)) return { valid: false, known: false };
  substitutions.set(param.name, type);
  return { valid: true, known: false };
}

function notWithin(substitutions: Substitutions, param: CheckType & { readonly kind: 'param' }, type: CheckType): boolean {
  if (type.kind === 'param') {
    if (type.name === param.name) return false;
    const substitute = substitutions.get(type.name);
    return substitute === undefined || notWithin(substitutions, param, substitute);
  }
  return paramsOf(type).every((inner) => notWithin(substitutions, param, inner));
}

export const mostGeneral = (a: CheckType, b: CheckType): CheckType => (equalOrLessSpecific(a, b) ? a : b);

function equalOrLessSpecific(a: CheckType, b: CheckType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true;
  if (b.kind === 'dyn' || b.kind === 'param' || a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  const left = paramsOf(a);
  const right = paramsOf(b);
  if (left.length === 0) return sameType(a, b);
  return nameOf(a) === nameOf(b) && left.length === right.length && left.every((param, index) => equalOrLessSpecific(param, right[index] as CheckType));
}

/** `type` with what stands for its parameters; free ones become dyn with `freeToDyn`. */
export function substitute(substitutions: Substitutions, type: CheckType, freeToDyn: boolean): CheckType {
  switch (type.kind) {
    case 'param': {
      const found = substitutions.get(type.name);
      if (found !== undefined) return substitute(substitutions, found, freeToDyn);
      return freeToDyn ? dynType : type;
    }
    case 'list': return { kind: 'list', params: [substitute(substitutions, type.params[0], freeToDyn)] };
    case 'map': return { kind: 'map', params: [substitute(substitutions, type.params[0], freeToDyn), substitute(substitutions, type.params[1], freeToDyn)] };
    case 'opaque': case 'type': return type.params.length === 0 ? type : { ...type, params: type.params.map((param) => substitute(substitutions, param, freeToDyn)) };
    default: return type;
  }
}
