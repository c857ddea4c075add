import { expect, it } from 'vitest';
import { judgeHashes, type MemberHash } from './hash-vote.ts';

const held = (...hashes: number[]): MemberHash[] => hashes.map((hash, at) => ({ memberId: BigInt(at + 1), hash, compactRevision: 5 }));

it.each<readonly [string, readonly number[], number, ReturnType<typeof judgeHashes>]>([
  ['all alike', [7, 7, 7], 3, { kind: 'equal' }],
  ['one alone', [7], 3, { kind: 'equal' }],
  ['a follower differs', [7, 7, 8], 3, { kind: 'diverged', members: [3n] }],
  ['the leader differs', [8, 7, 7], 3, { kind: 'diverged', members: [1n] }],
  ['two of five differ', [7, 8, 7, 7, 9], 5, { kind: 'diverged', members: [2n, 5n] }],
  ['two of three were asked, and differ', [7, 8], 3, { kind: 'undecided' }],
  ['three of five were asked, two agree', [7, 7, 8], 5, { kind: 'undecided' }],
  ['two members differ', [7, 8], 2, { kind: 'undecided' }],
  ['a learner differs', [7, 7, 7, 8], 3, { kind: 'diverged', members: [4n] }],
  ['learners do not make a majority', [7, 8, 8, 8], 2, { kind: 'undecided' }],
  ['all differ', [7, 8, 9], 3, { kind: 'undecided' }],
])('%s', (_name, hashes, voterCount, verdict) => {
  expect(judgeHashes(held(...hashes), Array.from({ length: voterCount }, (_, at) => BigInt(at + 1)))).toEqual(verdict);
});
