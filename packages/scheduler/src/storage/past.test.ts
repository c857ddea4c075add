import { resources, type KubeObject } from '@coxswain/client';
import fc from 'fast-check';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { CSIStorageCapacity, StorageClass, VolumeAttachment } from 'kubernetes-types/storage/v1';
import { expect, test } from 'vitest';
import { MemoryInformer } from '../edge/bench/memory-client.ts';
import { observeStorage, type Storage } from './storage.ts';

const names = ['a', 'b', 'c'];

function informers() {
  return {
    claims: new MemoryInformer(resources.persistentvolumeclaims), volumes: new MemoryInformer(resources.persistentvolumes), classes: new MemoryInformer(resources.storageclasses),
    csiNodes: new MemoryInformer(resources.csinodes), csiDrivers: new MemoryInformer(resources.csidrivers), capacities: new MemoryInformer(resources.csistoragecapacities),
    attachments: new MemoryInformer(resources.volumeattachments), pods: new MemoryInformer(resources.pods), nodes: new MemoryInformer(resources.nodes),
  };
}

/** All that plugins see, without the order in which lists are. */
function seen(storage: Storage): unknown {
  const sorted = (objects: readonly object[]): readonly string[] => objects.map((object) => JSON.stringify(object)).toSorted();
  return names.map((name) => [
    storage.claims.get({ namespace: 'default', name }), storage.volumes.get({ name }), storage.storageClass(name), sorted(storage.volumesOfClass(name)), sorted(storage.volumesWithDataset(name)),
    sorted(storage.attachmentsOn(name)), sorted(storage.capacities()), storage.csiNode(name), storage.csiDriver(name),
  ]);
}

const kinds = ['claims', 'volumes', 'classes', 'csiNodes', 'csiDrivers', 'capacities', 'attachments', 'assume', 'wrote', 'restore', 'assume claim', 'wrote claim', 'restore claim'] as const;
const step = fc.record({ kind: fc.constantFrom(...kinds), name: fc.constantFrom(...names), value: fc.constantFrom(...names), gone: fc.boolean(), newer: fc.boolean() });

test('what was seen at any time is seen again, assumptions and what has gone too, and then what is', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const all = informers();
    const storage = observeStorage(all);
    let version = 1;
    const kept: { readonly place: number; readonly saw: unknown }[] = [];
    for (const { kind, name, value, gone, newer } of steps) {
      version += newer || kind.startsWith('wrote') ? 1 : 0;
      const metadata = { name, resourceVersion: String(version), labels: { [`dataset.coxswain.dev/${value}`]: '', marked: String(kept.length) } };
      const volume: PersistentVolume = { metadata, spec: { storageClassName: value } };
      const claim: PersistentVolumeClaim = { metadata: { ...metadata, namespace: 'default' }, spec: { volumeName: value } };
      // As one is decided: of what is there.
      const assumed = <T extends KubeObject>(of: T | undefined, make: (object: T) => void): void => {
        if (of !== undefined) make({ ...of, metadata: { ...of.metadata, annotations: { marked: String(kept.length) }, ...(kind.startsWith('wrote') ? { resourceVersion: String(version) } : {}) } });
      };
      const there = { volume: all.volumes.lister.get({ name }), claim: all.claims.lister.get({ namespace: 'default', name }) };
      const put = <T extends { metadata?: { name?: string; namespace?: string } }>(informer: MemoryInformer<T>, object: T): void => {
        if (gone) informer.remove({ namespace: object.metadata?.namespace, name });
        else informer.put(object);
      };
      switch (kind) {
        case 'claims': put(all.claims, claim); break;
        case 'volumes': put(all.volumes, volume); break;
        case 'classes': put(all.classes, { metadata, provisioner: value } satisfies StorageClass); break;
        case 'csiNodes': put(all.csiNodes, { metadata, spec: { drivers: [] } }); break;
        case 'csiDrivers': put(all.csiDrivers, { metadata, spec: {} }); break;
        case 'capacities': put(all.capacities, { metadata, storageClassName: value } satisfies CSIStorageCapacity); break;
        case 'attachments': put(all.attachments, { metadata, spec: { attacher: 'x', nodeName: value, source: {} } } satisfies VolumeAttachment); break;
        case 'assume': assumed(there.volume, (made) => { storage.volumes.assume(made); }); break;
        case 'wrote': assumed(there.volume, (made) => { storage.volumes.wrote(made); }); break;
        case 'restore': storage.volumes.restore(volume); break;
        case 'assume claim': assumed(there.claim, (made) => { storage.claims.assume(made); }); break;
        case 'wrote claim': assumed(there.claim, (made) => { storage.claims.wrote(made); }); break;
        case 'restore claim': storage.claims.restore(claim); break;
      }
      kept.push({ place: storage.place, saw: seen(storage) });
    }
    const now = seen(storage);
    for (const { place, saw } of kept) {
      expect(storage.at(place, () => seen(storage))).toEqual(saw);
      expect(seen(storage)).toEqual(now);
    }
  }), { numRuns: 300, seed: 7 });
});

test('who keeps what it looked up hears of each time travel, and a place that is forgotten is told', () => {
  const all = informers();
  const storage = observeStorage(all);
  let heard = 0;
  const { place } = storage;
  all.volumes.put({ metadata: { name: 'a', resourceVersion: '1' } });
  storage.observe((change) => { if (change === undefined) heard += 1; });
  storage.at(place, () => { expect(heard).toBe(1); });
  expect(heard).toBe(2);
  storage.at(storage.place, () => undefined);
  expect(heard).toBe(2);
  for (let version = 2; version < 10_002; version += 1) all.volumes.put({ metadata: { name: 'a', resourceVersion: String(version) } });
  expect(storage.earliestPlace).toBeGreaterThan(place);
});
