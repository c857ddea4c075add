import { expect, test } from 'vitest';
import { readRecorded, replay } from '../test/support/recorded.ts';
import floor from './recorded-floor.json' with { type: 'json' };

/** What a real 1.32 server answered. The floor only rises: raise it with the number that this prints. */
test('the recorded answers agree, at least as many as before', async () => {
  const all = readRecorded();
  if (all === undefined) {
    console.log('skipped: ../shared/data/recorded-answers-1.32.jsonl is not here');
    return;
  }
  const results = await replay(all);
  const groups = new Map<string, { agree: number; all: number }>();
  for (const { recorded, differences } of results) {
    const name = recorded.name.split('/')[0] as string;
    const group = groups.get(name) ?? { agree: 0, all: 0 };
    group.all += 1;
    if (differences.length === 0) group.agree += 1;
    groups.set(name, group);
  }
  const agree = results.filter((result) => result.differences.length === 0).length;
  const open = [...groups].filter(([, group]) => group.agree < group.all).map(([name, group]) => `${name} ${group.agree}/${group.all}`);
  console.log(`recorded answers: ${agree} of ${results.length} agree; not all of: ${open.join(', ')}`);
  expect(results.length).toBe(floor.recorded);
  expect(agree).toBeGreaterThanOrEqual(floor.agree);
}, 120_000);
