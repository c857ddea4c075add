import { existsSync } from 'node:fs';
import type { Client, KubeObject, ResourceType } from '@coxswain/client';
import { parseFlags } from '@coxswain/service';
import { expect, test } from 'vitest';
import { dataPaths } from '../../paths.ts';
import { settingsFromFlags, upFlags } from '../../settings.ts';
import { applyAddons } from './addons.ts';
import { allSpecs } from './components.ts';

/** What `cox up` starts and makes, where docs/security.md has a check about it. */
const settings = settingsFromFlags(parseFlags(upFlags, ['--data=/data', '--apiservers=2']));
const specs = allSpecs(settings, dataPaths('/data'));

function flagsOf(name: string): ReadonlyMap<string, string> {
  const argv = specs.find((spec) => spec.name === name)?.argv ?? expect.fail(name);
  return new Map(argv.filter((word) => word.startsWith('--')).map((word) => [word.slice(2).split('=', 1)[0] as string, word.slice(word.indexOf('=') + 1)]));
}

test('11, 12: each API server records by the policy, in a file of its own that is kept long enough', () => {
  const paths = ['apiserver-0', 'apiserver-1'].map((name) => {
    const flags = flagsOf(name);
    expect(existsSync(flags.get('audit-policy-file') ?? '')).toBe(true);
    for (const [flag, least] of [['audit-log-maxage', 30], ['audit-log-maxbackup', 10], ['audit-log-maxsize', 100]] as const) expect(Number(flags.get(flag)), flag).toBeGreaterThanOrEqual(least);
    return flags.get('audit-log-path');
  });
  expect(new Set(paths).size).toBe(2);
});

test('32: what the system runs are processes with certificates: no pod, and no right for an account', async () => {
  const made: { readonly resource: string; readonly object: KubeObject }[] = [];
  const client = { patch: (type: ResourceType<KubeObject>, _where: unknown, _kind: unknown, object: KubeObject) => { made.push({ resource: type.resource, object }); return Promise.resolve(object); } };
  await applyAddons(client as unknown as Client, settings);
  expect([...new Set(made.map(({ resource }) => resource))].toSorted()).toEqual(['clusterrolebindings', 'clusterroles', 'endpointslices', 'services']);
  expect(JSON.stringify(made)).not.toContain('ServiceAccount');
  for (const name of ['controller-manager', 'scheduler', 'dns']) expect(flagsOf(name).get('kubeconfig'), name).toMatch(/^\/data\/pki\/.*\.kubeconfig$/);
});
