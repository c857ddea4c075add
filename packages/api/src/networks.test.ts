import { expect, test } from 'vitest';
import { formatAddress, networkHas, networksOverlap, networkText, parseAddress, parseNetwork, type IpNetwork } from './networks.ts';

const network = (text: string): IpNetwork => {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
};

// As Go's net.ParseIP and IP.String, but for zeros in front, which Kubernetes takes.
test.each([
  ['10.9.8.7', '10.9.8.7'], ['01.2.3.4', '1.2.3.4'], ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'], ['::', '::'], ['::1', '::1'], ['1::', '1::'],
  ['::ffff:1.2.3.4', '1.2.3.4'], ['1:0:2:0:0:3:4:5', '1:0:2::3:4:5'], ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'], ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
])('the address %s is %s', (text, canonical) => {
  const parsed = parseAddress(text);
  expect(parsed && formatAddress(parsed.family, parsed.value)).toBe(canonical);
});

test.each(['1.2.3', '1.2.3.256', 'x', '1::2::3', '12345::', ':::', ''])('%j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each([
  ['10.244.7.9/16', '10.244.0.0/16'], ['fd00:0:0:1::/64', 'fd00:0:0:1::/64'], ['2001:db8::1/128', '2001:db8::1/128'], ['::/0', '::/0'], ['1.2.3.4/0', '0.0.0.0/0'],
])('the network %s is %s', (text, canonical) => {
  expect(networkText(network(text))).toBe(canonical);
});

test.each(['10.0.0/8', '10.0.0.0/33', '10.0.0.256/8', 'fd00::/129', '10.0.0.0', 'x/8', '1::2::3/64', '10.0.0.0/8/8', '10.0.0.0/'])('%j is no network', (text) => {
  expect(parseNetwork(text)).toBeUndefined();
});

test('networks hold addresses of their family and overlap with what they share', () => {
  expect(networkHas(network('10.0.0.0/8'), { family: 'IPv4', value: 0x0a_ff_ff_ffn })).toBe(true);
  expect(networkHas(network('10.0.0.0/8'), { family: 'IPv4', value: 0x0b_00_00_00n })).toBe(false);
  expect(networkHas(network('::/0'), { family: 'IPv4', value: 1n })).toBe(false);
  expect(networksOverlap(network('10.0.0.0/8'), network('10.200.0.0/16'))).toBe(true);
  expect(networksOverlap(network('10.200.0.0/16'), network('10.0.0.0/8'))).toBe(true);
  expect(networksOverlap(network('10.0.0.0/16'), network('10.1.0.0/16'))).toBe(false);
  expect(networksOverlap(network('::/0'), network('10.0.0.0/8'))).toBe(false);
});
