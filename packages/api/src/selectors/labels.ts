import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { badRequest } from '../status-error.ts';
import { makeRequirement, requirementMatches, SelectorError, type LabelOperator, type LabelRequirement } from './label-requirement.ts';
import { parseRequirements } from './label-parser.ts';

export type Labels = Readonly<Record<string, unknown>>;

/** All requirements must hold; none of them: everything matches. */
export interface LabelMatcher {
  readonly requirements: readonly LabelRequirement[];
  matches(labels: Labels | null | undefined): boolean;
}

const noLabels: Labels = {};

function matcherOf(requirements: readonly LabelRequirement[]): LabelMatcher {
  return { requirements, matches: (labels) => requirements.every((requirement) => requirementMatches(requirement, labels ?? noLabels)) };
}

export const everyLabel: LabelMatcher = matcherOf([]);
export const noLabel: LabelMatcher = { requirements: [], matches: () => false };

/** The `labelSelector` query parameter. Throws StatusError 400 with Kubernetes' words. */
export function parseLabelSelector(text: string): LabelMatcher {
  if (text === '') return everyLabel;
  try {
    return matcherOf(parseRequirements(text));
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

const operators: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

function requirementsOf(selector: LabelSelector): LabelRequirement[] {
  const requirements = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => makeRequirement(key, '=', [value]));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = operators[operator];
    if (known === undefined) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push(makeRequirement(key, known, values ?? []));
  }
  return requirements;
}

/** A LabelSelector object: absent selects nothing, empty everything. Throws SelectorError if it is invalid. */
export function labelMatcher(selector: LabelSelector | null | undefined): LabelMatcher {
  return selector === null || selector === undefined ? noLabel : matcherOf(requirementsOf(selector));
}

const matchers = new WeakMap<LabelSelector, LabelMatcher>();

function matcherOrNothing(selector: LabelSelector): LabelMatcher {
  try {
    return labelMatcher(selector);
  } catch (error) {
    if (error instanceof SelectorError) return noLabel;
    throw error;
  }
}

/**
 * Whether a LabelSelector object selects these labels; an invalid or absent one selects nothing. Remembers the parsed selector by the
 * object's identity: do not change a selector after passing it here.
 */
export function labelSelectorMatches(selector: LabelSelector | null | undefined, labels: Labels | null | undefined): boolean {
  if (selector === null || selector === undefined) return false;
  let matcher = matchers.get(selector);
  if (matcher === undefined) matchers.set(selector, (matcher = matcherOrNothing(selector)));
  return matcher.matches(labels);
}

/** Whether all pairs of a simple selector (Service, ReplicationController) are among the labels; an empty one selects everything. */
export function labelsInclude(labels: Labels | null | undefined, pairs: Labels): boolean {
  return Object.entries(pairs).every(([key, value]) => labels?.[key] === value);
}

const operatorTexts: Readonly<Record<LabelOperator, (key: string, values: readonly string[]) => string>> = {
  in: (key, values) => `${key} in (${values.join(',')})`,
  notin: (key, values) => `${key} notin (${values.join(',')})`,
  '=': (key, values) => `${key}=${values[0] ?? ''}`,
  '==': (key, values) => `${key}==${values[0] ?? ''}`,
  '!=': (key, values) => `${key}!=${values[0] ?? ''}`,
  exists: (key) => key,
  '!': (key) => `!${key}`,
  gt: (key, values) => `${key}>${values[0] ?? ''}`,
  lt: (key, values) => `${key}<${values[0] ?? ''}`,
};

/** As Kubernetes prints it, in tables and in status.selector of scales: sorted by key. */
export function formatLabelSelector(selector: LabelSelector | null | undefined): string {
  if (selector === null || selector === undefined) return '<none>';
  if (matcherOrNothing(selector) === noLabel) return '<error>';
  const requirements = requirementsOf(selector).sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  const text = requirements.map(({ key, operator, values }) => operatorTexts[operator](key, [...values].sort())).join(',');
  return text === '' ? '<none>' : text;
}
