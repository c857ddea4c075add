import { resources } from '@coxswain/client';
import fc from 'fast-check';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../../cache/cache.ts';
import { podInfoOf } from '../../cache/pod-info.ts';
import { MemoryInformer } from '../../edge/bench/memory-client.ts';
import { CycleState } from '../../framework/cycle-state.ts';
import type { FilterPlugin, PreFilterPlugin } from '../../framework/interface.ts';
import { observeStorage } from '../../storage/storage.ts';
import { tableNode } from '../../testing/plugin-table.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';

const namespace = 'x';
const pod = (uid: string, claims: readonly string[], nodeName: string): Pod => ({
  metadata: { name: uid, namespace, uid }, spec: { containers: [], nodeName, volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
});
const claim = (name: string, volumeName: string, storageClassName: string): PersistentVolumeClaim => ({ metadata: { name, namespace, resourceVersion: '1' }, spec: { volumeName, storageClassName } });
const volume = (name: string, driver: string): PersistentVolume => ({ metadata: { name }, spec: { csi: { driver, volumeHandle: name } } });

function makeInformers() {
  return {
    pods: new MemoryInformer(resources.pods), nodes: new MemoryInformer(resources.nodes), claims: new MemoryInformer(resources.persistentvolumeclaims), volumes: new MemoryInformer(resources.persistentvolumes),
    classes: new MemoryInformer(resources.storageclasses), csiNodes: new MemoryInformer(resources.csinodes), csiDrivers: new MemoryInformer(resources.csidrivers),
    capacities: new MemoryInformer(resources.csistoragecapacities), attachments: new MemoryInformer(resources.volumeattachments),
  };
}

test('what is kept of nodes is what they have, whatever happens to pods, claims, volumes, classes, attachments and drivers', () => {
  const step = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'pod', 'pod', 'gone', 'claim', 'unclaim', 'assume', 'restore', 'volume', 'unvolume', 'class', 'driver', 'attach', 'detach'),
    at: fc.nat(3), which: fc.nat(4), other: fc.nat(4), flag: fc.boolean(),
  });
  let [refused, passed] = [0, 0];
  fc.assert(fc.property(fc.array(step, { minLength: 30, maxLength: 80 }), (steps) => {
    const [informers, cache] = [makeInformers(), new SchedulerCache()];
    const storage = observeStorage(informers);
    const plugin = nodeVolumeLimits(storage) as FilterPlugin & PreFilterPlugin;
    const limit = (at: number, count: number): void => informers.csiNodes.put({ metadata: { name: `n${at}` }, spec: { drivers: [{ name: 'd', nodeID: 'n', allocatable: { count } }] } });
    for (const at of [0, 1]) { cache.setNode(tableNode(`n${at}`)); limit(at, 1 + at); }
    for (const at of [0, 1, 2, 3, 4]) { informers.claims.put(claim(`c${at}`, `v${at}`, 's')); informers.volumes.put(volume(`v${at}`, 'd')); }
    for (const { kind, at, which, other, flag } of steps) {
      const nodeAt = at % 2;
      switch (kind) {
        // Volumes of a pod do not change.
        case 'pod': cache.removePod(`p${at}`); cache.setPod(pod(`p${at}`, [`c${which}`, `c${other}`], `n${nodeAt}`)); break;
        case 'gone': cache.removePod(`p${at}`); break;
        case 'claim': informers.claims.put(claim(`c${which}`, flag ? `v${other}` : '', flag ? 's' : 't')); break;
        case 'unclaim': informers.claims.remove({ namespace, name: `c${which}` }); break;
        case 'assume': storage.claims.assume(claim(`c${which}`, `v${other}`, 's')); break;
        case 'restore': storage.claims.restore(claim(`c${which}`, '', 's')); break;
        case 'volume': informers.volumes.put(volume(`v${which}`, flag ? 'd' : 'e')); break;
        case 'unvolume': informers.volumes.remove({ name: `v${which}` }); break;
        case 'class': informers.classes.put({ metadata: { name: flag ? 's' : 't' }, provisioner: other % 2 === 0 ? 'd' : 'e' }); break;
        case 'driver': limit(nodeAt, which); break;
        case 'attach': informers.attachments.put({ metadata: { name: `a${which}` }, spec: { attacher: 'd', nodeName: `n${nodeAt}`, source: { persistentVolumeName: `v${other}` } } }); break;
        case 'detach': informers.attachments.remove({ name: `a${which}` }); break;
        case 'ask': {
          const [asked, state, snapshot] = [podInfoOf(pod('asked', [`c${which}`, `c${other}`], '')), new CycleState(), cache.snapshot()];
          if (plugin.preFilter(state, asked, snapshot).status.code === 'Skip') break;
          const rows = snapshot.rows.slice();
          const kept = plugin.filterRows?.(state, asked, snapshot, rows, rows.length) ?? -1;
          const expected = snapshot.nodes.filter((node) => plugin.filter(state, asked, node).code === 'Success').map(({ row }) => row);
          expect([...rows.subarray(0, kept)]).toEqual(expected);
          passed += kept;
          refused += rows.length - kept;
        }
      }
    }
  }), { numRuns: 300, seed: 31 });
  expect(Math.min(refused, passed)).toBeGreaterThan(500);
});
