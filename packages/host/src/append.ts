/** `target.push(...items)` for lists of any length: arguments of a call lie on the stack, which ends near a hundred thousand of them. */
export function append<T>(target: T[], items: readonly T[]): void {
  for (const item of items) target.push(item);
}
