/** `node packages/apiserver/test/replay.ts [TEXT]`: where our answers differ from the recorded ones; only names that contain TEXT. */
import { readRecorded, replay } from './support/recorded.ts';

const all = readRecorded();
if (all === undefined) throw new Error('no recorded answers here');
const filter = process.argv[2] ?? '';
const results = await replay(all);
for (const { recorded, differences } of results) {
  if (differences.length > 0 && recorded.name.includes(filter)) console.log(`## ${recorded.name}\n${differences.slice(0, 6).map((line) => `   ${line}`).join('\n')}`);
}
const agree = results.filter((result) => result.differences.length === 0).length;
console.log(`${agree} of ${results.length} agree`);
process.exit(0);
