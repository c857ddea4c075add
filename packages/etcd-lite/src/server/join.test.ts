import { expect, it } from 'vitest';
import { chooseAnswer, type RemoteCluster } from './join.ts';

const config = { name: 'c', initialCluster: { a: ['http://a:2380'], b: ['http://b:2380'], c: ['http://c:2380'] } };

function says(idOfC: bigint, started: boolean): RemoteCluster {
  const peer = (id: bigint, name: string, isStarted = true) => ({ id, name: isStarted ? name : '', peerUrls: [`http://${name}:2380`], isLearner: false, staging: false, started: isStarted });
  return { clusterId: 9n, members: [peer(1n, 'a'), peer(2n, 'b'), peer(idOfC, 'c', started)] };
}

it('who replaces a member joins although a peer that lags still lists the former one', () => {
  const lags = says(3n, true);
  const knows = says(4n, false);
  for (const answers of [[lags, knows], [knows, lags]]) expect(chooseAnswer(config, answers)).toMatchObject({ remote: knows, self: { id: 4n, name: 'c' } });
});

it('a peer that lags does not let a member with an empty disk join again that another has seen start', () => {
  for (const answers of [[says(3n, false), says(3n, true)], [says(3n, true), says(3n, false)]]) {
    expect(() => chooseAnswer(config, answers)).toThrow('member 3 has already been bootstrapped');
  }
});

it('with nobody to agree with the flags, they are refused; with nobody there, it is said', () => {
  const two = { ...says(3n, false), members: says(3n, false).members.slice(0, 2) };
  expect(() => chooseAnswer(config, [two])).toThrow('member count is unequal');
  expect(() => chooseAnswer(config, [])).toThrow('cannot fetch cluster info from peer urls');
});
