import type { LabelSelector, LabelSelectorRequirement } from 'kubernetes-types/meta/v1';

type Labels = Readonly<Record<string, string>> | undefined;

function requirementMatches(requirement: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels?.[requirement.key];
  switch (requirement.operator) {
    case 'In': return value !== undefined && (requirement.values ?? []).includes(value);
    case 'NotIn': return value === undefined || !(requirement.values ?? []).includes(value);
    case 'Exists': return value !== undefined;
    case 'DoesNotExist': return value === undefined;
    // A server that validates lets none other through.
    default: return false;
  }
}

/** metav1.LabelSelector: undefined matches nothing, an empty one everything. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels?.[key] !== value) return false;
  return (selector.matchExpressions ?? []).every((requirement) => requirementMatches(requirement, labels));
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}

/** As the labelSelector query parameter wants it. */
export function selectorText(selector: LabelSelector): string {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const rest = (selector.matchExpressions ?? []).map(({ key, operator, values }) => {
    switch (operator) {
      case 'In': return `${key} in (${(values ?? []).join(',')})`;
      case 'NotIn': return `${key} notin (${(values ?? []).join(',')})`;
      case 'Exists': return key;
      default: return `!${key}`;
    }
  });
  return [...equal, ...rest].join(',');
}
