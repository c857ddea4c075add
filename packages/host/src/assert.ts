/** A broken invariant: the process must stop. Never caught except to log and exit. */
export class AssertionFailure extends Error {
  readonly numbers: Readonly<Record<string, unknown>>;
  constructor(message: string, numbers: Readonly<Record<string, unknown>>) {
    super(`${message} ${JSON.stringify(numbers, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}`);
    this.name = 'AssertionFailure';
    this.numbers = numbers;
  }
}

/** For what cannot happen unless the program is wrong; a user's or a peer's mistake is a closed value instead. */
export function assert(condition: unknown, message: string, numbers: Readonly<Record<string, unknown>> = {}): asserts condition {
  if (!condition) throw new AssertionFailure(message, numbers);
}

/** Makes a forgotten case of a union a compile error. */
export function unreachable(value: never): never {
  throw new AssertionFailure('unreachable case', { value });
}
