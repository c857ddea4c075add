import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseProxyFile } from './config-file.ts';

const machine = { hostname: 'me', cpuCount: 2 };
const defaults = '../shared/data/config-defaults/KubeProxyConfiguration.v1alpha1.yaml';
const shared = existsSync(defaults);
if (!shared) console.log(`skipped, since it is absent: ${defaults}`);

test.skipIf(!shared)('an empty configuration means what upstream fills in, but for the least time between syncs', () => {
  const [ours, upstream] = [parseProxyFile({}, machine), parseProxyFile(parse(readFileSync(defaults, 'utf8')), machine)];
  expect(upstream.config.minSyncPeriodMs).toBe(1000);
  expect({ ...upstream, config: { ...upstream.config, minSyncPeriodMs: 0 } }).toEqual(ours);
});

test.each([
  [{ mode: 'ipvs' }, 'mode: ipvs is not built yet; use iptables'],
  [{ iptables: { syncPerod: '1s' } }, 'iptables.syncPerod: unknown field; did you mean syncPeriod?'],
  [{ iptables: { syncPeriod: 'soon' } }, 'iptables.syncPeriod: expected a duration'],
  [{ kind: 'Pod' }, 'expected kind KubeProxyConfiguration'],
  [{ detectLocalMode: 'NodeCIDR' }, 'detectLocalMode: NodeCIDR is not built yet'],
])('%j is refused in one line', (file, text) => {
  expect(() => parseProxyFile(file, machine)).toThrow(text);
});
