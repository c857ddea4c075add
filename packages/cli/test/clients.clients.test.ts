import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cases, casesOf, clientNames, type CaseName, type CaseResult } from './clients/cases.ts';
import { ControlPlane, type Setup } from './clients/control-plane.ts';
import { buildGoClient, runClient } from './clients/programs.ts';

const setups: readonly Setup[] = [
  { name: 'our store', store: 'etcd-lite', apiservers: 1 },
  { name: 'Debian\'s etcd as store', store: 'etcd', apiservers: 1 },
  { name: 'two API servers behind one address', store: 'etcd-lite', apiservers: 2 },
];

beforeAll(buildGoClient, 600_000);

describe.each(setups)('$name', (setup) => {
  let plane: ControlPlane | undefined;
  beforeAll(async () => { plane = await ControlPlane.start(setup); }, 120_000);
  afterAll(async () => { await plane?.stop(); }, 60_000);

  describe.each(clientNames)('%s', (client) => {
    let results: ReadonlyMap<CaseName, CaseResult> = new Map();
    beforeAll(async () => {
      if (plane === undefined) throw new Error('no control plane');
      results = new Map((await runClient(client, plane.kubeconfig, plane.directory)).map((result) => [result.case, result]));
    }, 600_000);

    test.each(casesOf(client).map((name) => [name, cases[name].what] as const))('%s: %s', (name) => {
      expect(results.get(name)).toEqual({ case: name, ok: true });
    });
  });
});
