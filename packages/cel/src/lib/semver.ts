import { overload, type FunctionDecl } from '../functions.ts';
import { CelError, OpaqueValue, type CelValue } from '../values.ts';

const number = '(0|[1-9]\\d*)';
const part = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)';
const shape = new RegExp(`^${number}\\.${number}\\.${number}(?:-(${part}(?:\\.${part})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`);
const type = 'kubernetes.Semver';

/** A version by semver.org 2.0.0; what follows `+` counts for nothing. */
export class Semver extends OpaqueValue {
  readonly typeName = type;
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];
  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    super();
    this.numbers = numbers;
    this.prerelease = prerelease;
  }
  equals(other: CelValue): boolean {
    return other instanceof Semver && compare(this, other) === 0n;
  }
}

export function parseSemver(text: string): Semver | CelError {
  const found = shape.exec(text);
  if (found === null) return new CelError(`Invalid semantic version ${JSON.stringify(text)}`);
  return new Semver(found.slice(1, 4).map(BigInt), found[4]?.split('.') ?? []);
}

const order = (a: bigint, b: bigint): bigint => (a < b ? -1n : a > b ? 1n : 0n);

/** Numbers come before words. */
function compareParts(a: string, b: string): bigint {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return order(BigInt(a), BigInt(b));
  if (left !== right) return left ? -1n : 1n;
  return a < b ? -1n : a > b ? 1n : 0n;
}

function compare(a: Semver, b: Semver): bigint {
  for (const [at, left] of a.numbers.entries()) {
    const found = order(left, b.numbers[at] as bigint);
    if (found !== 0n) return found;
  }
  // A version comes after those that led to it.
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return order(BigInt(b.prerelease.length), BigInt(a.prerelease.length));
  for (const [at, left] of a.prerelease.entries()) {
    const right = b.prerelease[at];
    const found = right === undefined ? 1n : compareParts(left, right);
    if (found !== 0n) return found;
  }
  return order(BigInt(a.prerelease.length), BigInt(b.prerelease.length));
}

const of = (value: CelValue | undefined): Semver => value as Semver;
const numberAt = (name: string, at: number): FunctionDecl => ({ name, overloads: [overload(`semver_${name}`, `.(${type}) -> int`, ([value]) => of(value).numbers[at] as bigint)] });

/** Only where devices are selected. */
export const semverFunctions: readonly FunctionDecl[] = [
  { name: 'semver', overloads: [overload('string_to_semver', `(string) -> ${type}`, ([text]) => parseSemver(text as string))] },
  { name: 'isSemver', overloads: [overload('is_semver_string', '(string) -> bool', ([text]) => parseSemver(text as string) instanceof Semver)] },
  { name: 'isGreaterThan', overloads: [overload('semver_is_greater_than', `.(${type}, ${type}) -> bool`, ([left, right]) => compare(of(left), of(right)) === 1n)] },
  { name: 'isLessThan', overloads: [overload('semver_is_less_than', `.(${type}, ${type}) -> bool`, ([left, right]) => compare(of(left), of(right)) === -1n)] },
  { name: 'compareTo', overloads: [overload('semver_compare_to', `.(${type}, ${type}) -> int`, ([left, right]) => compare(of(left), of(right)))] },
  numberAt('major', 0), numberAt('minor', 1), numberAt('patch', 2),
];
