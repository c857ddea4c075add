import { utf8, type Wire } from '@coxswain/host';
import { expect, test } from 'vitest';
import { StoredObject } from '../storage/codec.ts';
import { cacheEvent } from './event.ts';
import { Watcher } from './watcher.ts';
import { Watchers } from './watchers.ts';

const codec = { encode: () => '{}', decode: () => ({}) };

test('what a wire has to say leaves before the next one is told', () => {
  const watchers = new Watchers();
  const seen: string[] = [];
  const wires = ['a', 'b'].map((name): Wire => ({ flush: () => { seen.push(`${name} leaves`); } }));
  for (let at = 0; at < 5; at += 1) {
    const watcher = new Watcher({ events: 10, sizeBytes: 1000 }, 0, () => undefined);
    watchers.add(watcher, undefined);
    watcher.read({ wire: wires[at % 3], ready: () => {
      for (let item = watcher.next(); item !== undefined; item = watcher.next()) seen.push(`${at}: ${item.kind === 'event' ? item.event.revision : ''}`);
    } });
  }
  for (const revision of [1, 2]) watchers.push(cacheEvent('ADDED', new StoredObject('/a', utf8('{}'), revision, codec), undefined));
  watchers.tell();
  watchers.tell();
  expect(seen).toEqual(['0: 1', '0: 2', '3: 1', '3: 2', 'a leaves', '1: 1', '1: 2', '4: 1', '4: 2', 'b leaves', '2: 1', '2: 2']);
});
