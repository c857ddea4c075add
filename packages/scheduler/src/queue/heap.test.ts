import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from './heap.ts';

interface Item { readonly key: string; readonly rank: number }
type Step = { readonly do: 'set'; readonly item: Item } | { readonly do: 'delete'; readonly key: string } | { readonly do: 'pop' };

const key = fc.integer({ min: 0, max: 12 }).map((number) => `k${number}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), item: fc.record({ key, rank: fc.nat(20) }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pop' as const) }) });

test('gives out the least of what is in it, whatever was put in, replaced and taken out', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const heap = new Heap<Item>((item) => item.key, (a, b) => a.rank < b.rank);
    const model = new Map<string, Item>();
    const least = (): number | undefined => [...model.values()].map(({ rank }) => rank).toSorted((a, b) => a - b)[0];
    const pop = (): void => {
      const popped = heap.pop();
      expect(popped?.rank).toBe(least());
      if (popped !== undefined) { expect(model.get(popped.key)).toEqual(popped); model.delete(popped.key); }
    };
    for (const one of steps) {
      if (one.do === 'set') { heap.set(one.item); model.set(one.item.key, one.item); }
      else if (one.do === 'delete') { expect(heap.delete(one.key)).toEqual(model.get(one.key)); model.delete(one.key); }
      else pop();
      expect(heap.size).toBe(model.size);
      for (const [name, item] of model) expect(heap.get(name)).toEqual(item);
    }
    while (model.size > 0) pop();
    expect(heap.pop()).toBeUndefined();
  }), { numRuns: 500, seed: 41 });
});
