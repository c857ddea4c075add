import { readFileSync, existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseFlags } from '@coxswain/service';
import { checkKubeletConfiguration, ConfigurationReader } from './configuration.ts';
import { kubeletFlags } from './flags.ts';
import { kubeletConfig, parseTaint } from './kubelet-config.ts';
import { cniConflist, wantedRoutes } from './kubenet/kubenet.ts';
import { parseLogLine } from './server/log-line.ts';

const head = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };
const defaults = new URL('../../../../shared/data/config-defaults/KubeletConfiguration.v1beta1.yaml', import.meta.url);
const read = (fields: object, args: readonly string[] = []): ReturnType<typeof kubeletConfig> =>
  kubeletConfig(parseFlags(kubeletFlags, ['--kubeconfig=/k', ...args]), new ConfigurationReader(checkKubeletConfiguration({ ...head, ...fields }, 'f')), { hostname: 'host', clientCaPem: undefined });

describe('configuration', () => {
  if (!existsSync(defaults)) console.log('skipped: the file of all defaults is not there');
  test.skipIf(!existsSync(defaults))('a file of all defaults is the same as no file', () => {
    expect(read(parse(readFileSync(defaults, 'utf8')) as object)).toEqual(read({}));
  });

  test('mistakes have one clear line', () => {
    expect(() => read({ nope: 1 })).toThrow('unknown field "nope"');
    expect(() => read({ evictionHard: { 'memory.available': '1Gi' } })).toThrow('evictionHard is a field of the original that is not built yet; leave it out');
    expect(() => read({ port: 'x' })).toThrow('port: expected a whole number');
    expect(() => read({ syncFrequency: '1 minute' })).toThrow('syncFrequency: expected a duration');
    expect(() => read({}, ['--feature-gates=A=true'])).toThrow('--feature-gates is a flag of the original that is not built yet');
    expect(() => checkKubeletConfiguration({ kind: 'Pod' }, 'f')).toThrow('expected apiVersion kubelet.config.k8s.io/v1beta1');
  });

  test('flags win over the file', () => {
    expect(read({ port: 1, maxPods: 5 }, ['--port=2', '--hostname-override=n', '--register-with-taints=a=b:NoSchedule'])).toMatchObject({ nodeName: 'n', maxPods: 5, server: { port: 2 }, registerWithTaints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] });
    expect(() => read({}, ['--pod-cidr=10.1.0.0/24'])).toThrow('--pod-cidr is for --network-plugin=kubenet');
    expect(read({}, ['--pod-cidr=10.1.0.0/24', '--network-plugin=kubenet']).kubenet?.podCidr).toBe('10.1.0.0/24');
    expect(parseTaint('k:NoExecute')).toEqual({ key: 'k', effect: 'NoExecute' });
    expect(() => parseTaint('k=v:Sometimes')).toThrow('is not key=value:effect');
  });
});

describe('kubenet', () => {
  test('routes go to the other nodes’ addresses', () => {
    const node = (name: string, cidr: string | undefined, address: string | undefined) => ({ metadata: { name }, spec: cidr === undefined ? {} : { podCIDR: cidr, podCIDRs: [cidr] }, status: address === undefined ? {} : { addresses: [{ type: 'Hostname', address: name }, { type: 'InternalIP', address }] } });
    expect(wantedRoutes([node('me', '10.244.0.0/24', '192.0.2.1'), node('a', '10.244.1.0/24', '192.0.2.2'), node('b', undefined, '192.0.2.3'), node('c', '10.244.3.0/24', undefined)], 'me')).toEqual([{ cidr: '10.244.1.0/24', via: '192.0.2.2' }]);
  });

  test('the list of plugins is routed', () => {
    const list = JSON.parse(cniConflist('10.244.0.0/24', { dataDir: '/d', mtu: 1400 })) as { plugins: { type: string; mtu?: number; ipam?: { ranges: unknown } }[] };
    expect(list.plugins.map((plugin) => plugin.type)).toEqual(['ptp', 'portmap']);
    expect(list.plugins[0]).toMatchObject({ mtu: 1400, ipam: { ranges: [[{ subnet: '10.244.0.0/24' }]] } });
  });
});

describe('log records', () => {
  /** The format of https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md */
  test('whole and partial lines', () => {
    expect(parseLogLine('2016-10-06T00:17:09.669794202Z stdout F The content of the log entry 1')).toEqual({ timestamp: '2016-10-06T00:17:09.669794202Z', stream: 'stdout', complete: true, text: 'The content of the log entry 1\n' });
    expect(parseLogLine('2016-10-06T00:17:09.669794202Z stderr P part')).toMatchObject({ stream: 'stderr', complete: false, text: 'part' });
    expect(parseLogLine('not a record')).toBeUndefined();
    expect(parseLogLine('2016-10-06T00:17:09Z stdout F ')).toMatchObject({ text: '\n' });
  });
});
