import { parseFlags, UsageError } from '@coxswain/service';
import { expect, test } from 'vitest';
import { addressAt, parseCidr } from './cidr.ts';
import { apiserverAddresses, dnsServiceAddress, nodeHosts, settingsFromFlags, upFlags } from './settings.ts';

const parse = (...args: string[]) => settingsFromFlags(parseFlags(upFlags, args));

test('the defaults are what users of Kubernetes expect', () => {
  const settings = parse();
  expect(settings).toMatchObject({ data: '/var/lib/coxswain', nodes: 1, port: 6443, serviceCidr: '10.96.0.0/16' });
  expect(dnsServiceAddress(settings)).toBe('10.96.0.10');
});

test('the first node is the machine, the others are namespaces', () => {
  expect(nodeHosts(parse('--nodes=2'))).toEqual([
    { name: 'node-1', index: 1, address: '10.89.0.1', netns: undefined },
    { name: 'node-2', index: 2, address: '10.89.0.2', netns: 'cox-node-2' },
  ]);
});

test('hollow nodes are kept until they are taken back', () => {
  const before = parse('--hollow=1000');
  expect(settingsFromFlags(parseFlags(upFlags, []), before).hollow).toBe(1000);
  expect(settingsFromFlags(parseFlags(upFlags, ['--hollow=0']), before).hollow).toBe(0);
});

test('several API servers have addresses of their own', () => {
  expect(apiserverAddresses(parse('--apiservers=2'))).toEqual(['10.89.0.240', '10.89.0.241']);
});

test('API servers do not share an audit log, neither one that is asked for now nor one that was kept', () => {
  const own = '--apiserver-arg=--audit-log-path=/var/log/audit.log';
  const before = parse(own);
  expect(before.apiserverArgs).toEqual(['--audit-log-path=/var/log/audit.log']);
  expect(() => parse('--apiservers=2', own)).toThrow('2 API servers cannot share one log');
  expect(() => settingsFromFlags(parseFlags(upFlags, ['--apiservers=2']), before)).toThrow(UsageError);
  expect(parse('--apiservers=2', '--apiserver-arg=--audit-log-path=-').apiservers).toBe(2);
});

test('a later up without flags keeps what was chosen', () => {
  const before = parse('--nodes=3', '--port=7443');
  expect(settingsFromFlags(parseFlags(upFlags, ['--port=8443']), before)).toMatchObject({ nodes: 3, port: 8443 });
});

test('networks of a cluster that exists cannot change', () => {
  const before = parse('--pod-cidr=10.50.0.0/16');
  expect(() => settingsFromFlags(parseFlags(upFlags, ['--pod-cidr=10.51.0.0/16']), before)).toThrow('was made with 10.50.0.0/16, which cannot change');
  expect(settingsFromFlags(parseFlags(upFlags, ['--pod-cidr=10.50.0.0/16']), before).podCidr).toBe('10.50.0.0/16');
});

test.each([['--pod-cidr=10.96.0.0/16'], ['--pod-cidr=nonsense'], ['--service-cidr=10.96.0.1/16'], ['--data=relative']])('%s is refused', (flag) => {
  expect(() => parse(flag)).toThrow(UsageError);
});

test('addresses', () => {
  expect(addressAt('10.255.255.0/24', 9)).toBe('10.255.255.9');
  expect(parseCidr('256.0.0.0/8')).toBeUndefined();
});
