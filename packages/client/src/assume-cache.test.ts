import { expect, test } from 'vitest';
import { AssumeCache } from './assume-cache.ts';
import { Cache } from './cache.ts';
import type { KubeObject } from './types.ts';

const at = (resourceVersion: string, label: string): KubeObject => ({ metadata: { name: 'a', resourceVersion, labels: { label } } });

function setUp(): { readonly lister: Cache<KubeObject>; readonly cache: AssumeCache<KubeObject>; readonly label: () => string | undefined } {
  const lister = new Cache<KubeObject>();
  const cache = new AssumeCache(lister);
  lister.set(at('9', 'first'));
  return { lister, cache, label: () => cache.get({ name: 'a' })?.metadata?.labels?.['label'] };
}

test('an assumption holds over the version that it was made of, and ends with a newer one', () => {
  const { lister, cache, label } = setUp();
  cache.assume(at('9', 'assumed'));
  expect([label(), cache.reported({ name: 'a' })?.metadata?.labels?.['label']]).toEqual(['assumed', 'first']);
  lister.set(at('10', 'told'));
  expect(label()).toBe('told');
  lister.set(at('9', 'first'));
  expect(label()).toBe('first');
});

test('what was written holds until it is told, by the same version too', () => {
  const { lister, cache, label } = setUp();
  cache.assume(at('9', 'assumed'));
  cache.wrote(at('10', 'written'));
  expect(label()).toBe('written');
  lister.set(at('10', 'told'));
  expect(label()).toBe('told');
  // The cache may be told before the writer is answered.
  cache.wrote(at('10', 'written'));
  expect(label()).toBe('told');
});

test('taken back, and of what is gone there is nothing', () => {
  const { lister, cache, label } = setUp();
  cache.assume(at('9', 'assumed'));
  cache.restore(at('9', 'assumed'));
  expect(label()).toBe('first');
  cache.assume(at('9', 'assumed'));
  lister.remove('a');
  expect(label()).toBeUndefined();
});
