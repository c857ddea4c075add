/** Every kind's condition, as far as it is the same everywhere. */
export interface AnyCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export function conditionOf<C extends AnyCondition>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** With `next` in place of the one of its type; the time of transition stays where the status stays. */
export function withCondition<C extends AnyCondition>(conditions: readonly C[] | undefined, next: C): C[] {
  const before = conditionOf(conditions, next.type);
  if (before !== undefined && before.status === next.status && before.reason === next.reason && before.message === next.message) return [...conditions ?? []];
  const kept = before !== undefined && before.status === next.status && before.lastTransitionTime !== undefined ? { ...next, lastTransitionTime: before.lastTransitionTime } : next;
  return before === undefined ? [...conditions ?? [], kept] : (conditions ?? []).map((condition) => (condition === before ? kept : condition));
}

export function withoutCondition<C extends AnyCondition>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
