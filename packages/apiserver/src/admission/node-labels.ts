/** Labels under kubernetes.io and k8s.io that a kubelet may set on its own node. */
const allowed: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname', 'kubernetes.io/os', 'kubernetes.io/arch', 'beta.kubernetes.io/os', 'beta.kubernetes.io/arch',
  'topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type', 'beta.kubernetes.io/instance-type',
]);
const allowedDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

function under(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

function isForbidden(label: string): boolean {
  const slash = label.indexOf('/');
  const domain = slash < 0 ? '' : label.slice(0, slash);
  if (under(domain, 'node-restriction.kubernetes.io')) return true;
  if (!under(domain, 'kubernetes.io') && !under(domain, 'k8s.io')) return false;
  return !allowed.has(label) && !allowedDomains.some((parent) => under(domain, parent));
}

export function forbiddenLabels(labels: readonly string[]): string[] {
  return labels.filter(isForbidden).toSorted();
}

/** Keys that were added, removed or given another value. */
export function changedLabels(before: Readonly<Record<string, string>> = {}, after: Readonly<Record<string, string>> = {}): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]);
}
