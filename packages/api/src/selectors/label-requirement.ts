import { labelValueProblems, qualifiedNameProblems } from '../validation/formats.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

function invalidValue(field: string, value: string, problem: string): never {
  throw new SelectorError(`${field}: Invalid value: ${value}: ${problem}`);
}

/** Kubernetes gives these errors no field, which it prints as `<nil>`. */
export function checkKey(key: string): void {
  const problems = qualifiedNameProblems(key);
  if (problems.length > 0) invalidValue('<nil>', JSON.stringify(key), problems.join('; '));
}

export function makeRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  checkKey(key);
  if ((operator === 'in' || operator === 'notin') && values.length === 0) invalidValue('values', '[]', "for 'in', 'notin' operators, values set can't be empty");
  if ((operator === 'gt' || operator === 'lt') && !/^[+-]?\d+$/.test(values[0] ?? '')) {
    invalidValue('values[0]', JSON.stringify(values[0] ?? ''), "for 'Gt', 'Lt' operators, the value must be an integer");
  }
  for (const [index, value] of values.entries()) {
    const problems = labelValueProblems(value);
    if (problems.length > 0) invalidValue(`values[${index}][${key}]`, JSON.stringify(value), problems.join('; '));
  }
  return { key, operator, values };
}

type Labels = Readonly<Record<string, unknown>>;

export function requirementMatches({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const present = Object.hasOwn(labels, key);
  const value = present ? labels[key] : undefined;
  switch (operator) {
    case 'in': case '=': case '==': return present && values.includes(value as string);
    case 'notin': case '!=': return !present || !values.includes(value as string);
    case 'exists': return present;
    case '!': return !present;
    case 'gt': case 'lt': {
      if (typeof value !== 'string' || !/^[+-]?\d+$/.test(value)) return false;
      return operator === 'gt' ? BigInt(value) > BigInt(values[0] as string) : BigInt(value) < BigInt(values[0] as string);
    }
  }
}
