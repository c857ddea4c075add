import type { LabelSelector } from 'kubernetes-types/meta/v1';

export type Labels = Readonly<Record<string, string>>;

/** A selector made ready once, asked often. */
export type LabelMatcher = (labels: Labels) => boolean;

const matchNothing: LabelMatcher = () => false;
export const matchEverything: LabelMatcher = () => true;

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

function numericMatcher(key: string, operator: string, values: readonly string[]): LabelMatcher {
  const bound = /^[+-]?\d+$/.test(values[0] ?? '') ? Number(values[0]) : Number.NaN;
  return (labels) => {
    const text = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (text === undefined || !/^[+-]?\d+$/.test(text)) return false;
    return operator === 'Gt' ? Number(text) > bound : Number(text) < bound;
  };
}

/** An operator that is not known matches nothing, as upstream's error does. */
export function compileRequirement({ key, operator, values = [] }: Requirement): LabelMatcher {
  const wanted = new Set(values);
  switch (operator) {
    case 'In': return (labels) => Object.hasOwn(labels, key) && wanted.has(labels[key] as string);
    case 'NotIn': return (labels) => !Object.hasOwn(labels, key) || !wanted.has(labels[key] as string);
    case 'Exists': return (labels) => Object.hasOwn(labels, key);
    case 'DoesNotExist': return (labels) => !Object.hasOwn(labels, key);
    case 'Gt': case 'Lt': return numericMatcher(key, operator, values);
    default: return matchNothing;
  }
}

export function allOf(matchers: readonly LabelMatcher[]): LabelMatcher {
  if (matchers.length === 0) return matchEverything;
  if (matchers.length === 1) return matchers[0] as LabelMatcher;
  return (labels) => matchers.every((matches) => matches(labels));
}

/** An absent selector matches nothing, an empty one everything. */
export function compileLabelSelector(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return matchNothing;
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => compileRequirement({ key, operator: 'In', values: [value] }));
  return allOf([...equal, ...(selector.matchExpressions ?? []).map(compileRequirement)]);
}

/** `selector` of a Service or ReplicationController: a plain map; empty selects nothing. */
export function compileMapSelector(selector: Labels | undefined): LabelMatcher {
  const entries = Object.entries(selector ?? {});
  if (entries.length === 0) return matchNothing;
  return allOf(entries.map(([key, value]) => compileRequirement({ key, operator: 'In', values: [value] })));
}
