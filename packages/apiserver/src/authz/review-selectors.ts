import { labelNameErrors, parseLabelRequirements, type FieldError } from '@coxswain/api';
import type { ResourceAttributes } from 'kubernetes-types/authorization/v1';
import type { SelectorRequirement } from '../types.ts';
import { selectorsOf, type Selectors } from './selectors.ts';

interface AskedRequirement {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

interface AskedSelector {
  readonly rawSelector?: string;
  readonly requirements?: readonly AskedRequirement[];
}

/** With what is newer than the types. */
export type ReviewedResource = ResourceAttributes & { readonly fieldSelector?: AskedSelector; readonly labelSelector?: AskedSelector };

interface Read {
  readonly found: readonly SelectorRequirement[];
  readonly failed: boolean;
}

/** Fields can be asked for by one value only. */
function ofFields(requirements: readonly AskedRequirement[]): Read {
  const found = requirements.flatMap(({ key = '', operator, values = [] }) => (values.length === 1 && (operator === 'In' || operator === 'NotIn') ? [{ key, operator, values } as const] : []));
  return { found, failed: found.length < requirements.length };
}

const labelText: Readonly<Record<SelectorRequirement['operator'], (key: string, values: string) => string>> = {
  In: (key, values) => `${key} in (${values})`, NotIn: (key, values) => `${key} notin (${values})`, Exists: (key) => key, DoesNotExist: (key) => `!${key}`,
};

function isLabelRequirement({ key = '', operator = '', values = [] }: AskedRequirement): boolean {
  if (!Object.hasOwn(labelText, operator) || (values.length === 0) !== (operator === 'Exists' || operator === 'DoesNotExist')) return false;
  try {
    return parseLabelRequirements(labelText[operator as SelectorRequirement['operator']](key, values.join(','))).length === 1;
  } catch {
    return false;
  }
}

function ofLabels(requirements: readonly AskedRequirement[]): Read {
  const found = requirements.filter(isLabelRequirement).map(({ key = '', operator, values = [] }) => ({ key, operator: operator as SelectorRequirement['operator'], values }));
  return { found, failed: found.length < requirements.length };
}

/** What a review restricts its question to; what cannot be read of it is told, not refused. */
export function reviewedSelectors(asked: ReviewedResource | undefined): { readonly selectors: Selectors; readonly problems: readonly string[] } {
  const { fieldSelector, labelSelector } = asked ?? {};
  const ofRaw = (kind: keyof Selectors, raw: string): Read => {
    const { selectors, problems } = kind === 'fieldSelector' ? selectorsOf(raw, '') : selectorsOf('', raw);
    return { found: selectors[kind] ?? [], failed: problems.length > 0 };
  };
  const read = (kind: keyof Selectors, selector: AskedSelector | undefined, parse: (requirements: readonly AskedRequirement[]) => Read): Read =>
    ((selector?.requirements ?? []).length > 0 ? parse(selector?.requirements ?? []) : ofRaw(kind, selector?.rawSelector ?? ''));
  const fields = read('fieldSelector', fieldSelector, ofFields);
  const labels = read('labelSelector', labelSelector, ofLabels);
  const problem = (name: string, { found, failed }: Read): string[] => (failed ? [`spec.resourceAttributes.${name} ${found.length > 0 ? 'partially ' : ''}ignored due to parse error`] : []);
  return {
    selectors: { ...(fields.found.length === 0 ? {} : { fieldSelector: fields.found }), ...(labels.found.length === 0 ? {} : { labelSelector: labels.found }) },
    problems: [...problem('fieldSelector', fields), ...problem('labelSelector', labels)],
  };
}

const needsValues: Readonly<Record<string, boolean>> = { In: true, NotIn: true, Exists: false, DoesNotExist: false };

function requirementErrors({ key = '', operator = '', values = [] }: AskedRequirement, at: string, ofLabel: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (key === '' && !ofLabel) errors.push({ type: 'Required', field: `${at}.key`, message: 'Required value: must be specified' });
  const needed = needsValues[operator];
  if (needed === true && values.length === 0) errors.push({ type: 'Required', field: `${at}.values`, message: 'Required value: must be specified when `operator` is \'In\' or \'NotIn\'' });
  if (needed === false && values.length > 0) errors.push({ type: 'Forbidden', field: `${at}.values`, message: 'Forbidden: may not be specified when `operator` is \'Exists\' or \'DoesNotExist\'' });
  return ofLabel ? [...errors, ...labelNameErrors(key, `${at}.key`)] : errors;
}

export function selectorErrors(asked: ReviewedResource | undefined): FieldError[] {
  return (['fieldSelector', 'labelSelector'] as const).flatMap((name) => {
    const selector = asked?.[name];
    if (selector === undefined || selector === null) return [];
    const at = `spec.resourceAttributes.${name}`;
    const { rawSelector = '', requirements = [] } = selector;
    const errors: FieldError[] = [];
    if (rawSelector !== '' && requirements.length > 0) errors.push({ type: 'Invalid', field: `${at}.rawSelector`, message: `Invalid value: ${JSON.stringify(rawSelector)}: may not specified at the same time as requirements` });
    if (rawSelector === '' && requirements.length === 0) errors.push({ type: 'Required', field: `${at}.requirements`, message: `Required value: when ${at} is specified, requirements or rawSelector is required` });
    return [...errors, ...requirements.flatMap((one, index) => requirementErrors(one, `${at}.requirements[${index}]`, name === 'labelSelector'))];
  });
}
