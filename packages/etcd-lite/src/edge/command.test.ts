import { createRealHost } from '@coxswain/host/edge';
import { silentLogger } from '@coxswain/host';
import { parseFlags, UsageError } from '@coxswain/service';
import { expect, it } from 'vitest';
import { command } from './command.ts';

const start = async (...args: string[]): Promise<unknown> => command.start(parseFlags(command.flags, args), createRealHost(silentLogger));

it.each([
  [['--election-timeout', '300'], '--election-timeout (300ms) must be at least five times --heartbeat-interval (100ms)'],
  [['--initial-cluster-state', 'old'], '--initial-cluster-state must be new or existing, not "old"'],
  [['--cert-file', '/x'], '--cert-file and --key-file must be given together'],
  [['--client-cert-auth', '--cert-file', '/x', '--key-file', '/y'], '--client-cert-auth needs --trusted-ca-file'],
  [['--cert-file', '/does/not/exist', '--key-file', '/y'], '--cert-file: ENOENT'],
  [['--listen-client-urls', 'https://127.0.0.1:2379'], '--listen-client-urls has an https URL, which needs --cert-file'],
  [['--listen-peer-urls', '127.0.0.1'], '--listen-peer-urls: "127.0.0.1" is not a URL such as https://10.0.0.1:2379'],
  [['--initial-cluster', 'other=http://127.0.0.1:2380'], '--initial-cluster has no member "default"'],
  [['--initial-cluster', 'default=http://127.0.0.1:9999'], '--initial-cluster has default=http://127.0.0.1:9999 but --initial-advertise-peer-urls is http://localhost:2380'],
  [['--auto-compaction-mode', 'weekly'], '--auto-compaction-mode must be periodic or revision, not "weekly"'],
  [['--log-level', 'loud'], '--log-level must be debug, info, warn or error, not "loud"'],
])('refuses %j with one clear line', async (args, message) => {
  const failure = await start(...args).then(() => undefined, (error: unknown) => error as Error);
  expect(failure).toBeInstanceOf(UsageError);
  expect(failure?.message).toContain(message);
  expect(failure?.message).not.toContain('\n');
});

it('refuses a flag of etcd\'s that is not built, by name', () => {
  expect(() => parseFlags(command.flags, ['--discovery', 'x'])).toThrow('--discovery is a flag of the original that is not built yet');
  expect(() => parseFlags(command.flags, ['--lisen-client-urls', 'x'])).toThrow('did you mean --listen-client-urls?');
});
