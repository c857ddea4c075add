import { parseFieldRequirements, parseLabelRequirements, type FieldRequirement, type LabelRequirement } from '@coxswain/api';
import type { AuthorizationAttributes, SelectorRequirement } from '../types.ts';

export type Selectors = Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'>;

const operators: Readonly<Record<LabelRequirement['operator'], SelectorRequirement['operator'] | undefined>> = {
  in: 'In', '=': 'In', '==': 'In', notin: 'NotIn', '!=': 'NotIn', exists: 'Exists', '!': 'DoesNotExist', gt: undefined, lt: undefined,
};

function ofField({ field, operator, value }: FieldRequirement): SelectorRequirement {
  return { key: field, operator: operator === '=' ? 'In' : 'NotIn', values: [value] };
}

function ofLabel({ key, operator, values }: LabelRequirement): SelectorRequirement[] {
  const known = operators[operator];
  return known === undefined ? [] : [{ key, operator: known, values: [...values] }];
}

function read<T>(parse: (text: string) => readonly T[], text: string): { readonly found: readonly T[]; readonly problem?: string } {
  try {
    return { found: parse(text) };
  } catch (error) {
    return { found: [], problem: error instanceof Error ? error.message : String(error) };
  }
}

/** What restricts a request from the texts of its selectors. */
export function selectorsOf(fields: string, labels: string): { readonly selectors: Selectors; readonly problems: readonly string[] } {
  const field = fields === '' ? { found: [] } : read(parseFieldRequirements, fields);
  const label = labels === '' ? { found: [] } : read(parseLabelRequirements, labels);
  const [ofFields, ofLabels] = [field.found.map(ofField), label.found.flatMap(ofLabel)];
  return {
    selectors: { ...(ofFields.length === 0 ? {} : { fieldSelector: ofFields }), ...(ofLabels.length === 0 ? {} : { labelSelector: ofLabels }) },
    problems: [field, label].flatMap((one) => ('problem' in one && one.problem !== undefined ? [one.problem] : [])),
  };
}

/** Whether only objects with that value of the field are asked for. */
export function restrictsTo({ fieldSelector }: Selectors, key: string, value: string): boolean {
  return (fieldSelector ?? []).some((one) => one.key === key && one.operator === 'In' && one.values.length === 1 && one.values[0] === value);
}
