import { expect, test } from 'vitest';
import { describeLimits } from './client-limits.ts';

const file = (text: string) => (path: string): string => { if (path !== '/etc/s.yaml') throw new Error(`no ${path}`); return text; };

test.each<[string, string, string]>([
  ['exec kube-scheduler --kubeconfig=$KUBECONFIG', '', '50 QPS, burst 100'],
  ['kube-scheduler --kube-api-qps=500 --kube-api-burst 1000', '', '500 QPS, burst 1000'],
  ['kube-scheduler --config=/etc/s.yaml', 'clientConnection: {qps: 5000, burst: 5000}', '5000 QPS, burst 5000'],
  ['kube-scheduler --config /etc/s.yaml --kube-api-qps=7', 'profiles: []', '50 QPS, burst 100'],
])('%s', (command, text, expected) => {
  expect(describeLimits(command, file(text))).toContain(expected);
});

test('a configuration that cannot be read is told', () => {
  expect(describeLimits('s --config=/missing', file(''))).toContain('not known: no /missing');
});
