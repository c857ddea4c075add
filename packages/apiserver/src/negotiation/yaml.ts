import { stringify } from 'yaml';

/** As sigs.k8s.io/yaml prints: keys sorted, lists not indented. */
export function jsonToYaml(json: string): string {
  return stringify(JSON.parse(json), { sortMapEntries: true, indentSeq: false, lineWidth: 0, version: '1.1' });
}
