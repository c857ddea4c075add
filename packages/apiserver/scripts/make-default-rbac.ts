/**
 * Makes data/default-rbac.json from the list of roles and bindings that a new 1.32 cluster has:
 * `node scripts/make-default-rbac.ts PATH/default-rbac-1.32.json`
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Source {
  readonly [list: string]: readonly { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> }; readonly rules?: unknown; readonly aggregationRule?: unknown; readonly subjects?: unknown; readonly roleRef?: unknown }[];
}

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('which file?');
const source = JSON.parse(readFileSync(path, 'utf8')) as Source;
// Annotations and the label rbac-defaults are the same on all of them: the reconciler adds them.
const objects = Object.values(source).flat().map(({ kind, metadata, rules, aggregationRule, subjects, roleRef }) => {
  const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => key !== 'kubernetes.io/bootstrapping'));
  return {
    kind,
    metadata: { name: metadata.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }), ...(Object.keys(labels).length === 0 ? {} : { labels }) },
    ...(rules === undefined ? {} : { rules: rules ?? [] }),
    ...(aggregationRule === undefined ? {} : { aggregationRule }),
    ...(roleRef === undefined ? {} : { roleRef, subjects: subjects ?? [] }),
  };
});
writeFileSync(new URL('../data/default-rbac.json', import.meta.url), `[\n${objects.map((object) => JSON.stringify(object)).join(',\n')}\n]\n`);
