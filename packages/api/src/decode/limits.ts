import { StatusError } from '../status-error.ts';

/**
 * How many items of such a type one body may hold where each costs far more than its length says: expressions are compiled (again by each server
 * that follows them), containers have dozens of rules. Stored objects are read whatever they hold.
 */
const limits: Readonly<Record<string, number>> = {
  ValidationRule: 2500, Validation: 2500, Variable: 250, MatchCondition: 250, AuditAnnotation: 250, Mutation: 250, DeviceSelector: 2048, Container: 4096, EphemeralContainer: 4096,
};

export interface ItemLimit { readonly name: string; readonly most: number }

/** undefined: as many as fit into a body. */
export function itemLimitOf(typeName: string): ItemLimit | undefined {
  const name = typeName.slice(typeName.lastIndexOf('.') + 1);
  const most = Object.hasOwn(limits, name) ? limits[name] : undefined;
  return most === undefined ? undefined : { name, most };
}

export function tooManyItems({ name, most }: ItemLimit): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${most} items of type ${name}`);
}
