import { migrate as migrateStore } from '@coxswain/etcd-ops';
import { utf8 } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { Tool } from '../../../tool.ts';
import { confirm, yesFlag } from './confirm.ts';
import { connectTo, type Connection } from './connection.ts';

function side(flags: FlagValues, name: 'from' | 'to'): Connection {
  const endpoints = flags.strings(name);
  if (endpoints.length === 0) throw new UsageError(`--${name} is missing: client URLs of the store, e.g. --${name}=http://127.0.0.1:2379`);
  const file = (kind: string): string => flags.string(`${name}-${kind}`);
  return connectTo({ endpoints, cacert: file('cacert'), cert: file('cert'), key: file('key') }, 60_000);
}

/** Interrupting a copy that follows means: finish it. A second time means: now. */
function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  process.once('SIGINT', () => {
    stop.abort();
    process.once('SIGINT', () => { process.exit(130); });
  });
  return stop.signal;
}

const sideFlags = (name: string, what: string): Tool['flags'] => ({
  [name]: { kind: 'strings', default: [], help: `client URLs of the store to copy ${what}` },
  [`${name}-cacert`]: { kind: 'string', default: '', help: 'its CA bundle' },
  [`${name}-cert`]: { kind: 'string', default: '', help: 'client certificate for it' },
  [`${name}-key`]: { kind: 'string', default: '', help: 'key of the certificate' },
});

export const migrate: Tool = {
  usage: 'etcd migrate --from URL,… --to URL,… [--prefix P] [--follow]',
  summary: 'copies keys, values and leases from one store to another, each ours or a real etcd; the target\'s revision ends not below the source\'s',
  flags: {
    ...sideFlags('from', 'from'), ...sideFlags('to', 'to'), ...yesFlag,
    prefix: { kind: 'string', default: '', help: 'only keys that begin with it' },
    overwrite: { kind: 'bool', default: false, help: 'delete what the target has in this range' },
    follow: { kind: 'bool', default: false, help: 'after the copy, take over changes until interrupted' },
  },
  async run(flags) {
    const [from, to] = [side(flags, 'from'), side(flags, 'to')];
    const prefix = flags.string('prefix');
    await confirm([
      `copies ${prefix === '' ? 'all keys' : `keys beginning with ${JSON.stringify(prefix)}`} from ${from.endpoints.join()} to ${to.endpoints.join()}`,
      flags.bool('overwrite') ? 'keys of the target in this range are DELETED first' : 'the target must have no keys in this range',
      'revisions and versions of single keys will be the target\'s own',
    ], flags.bool('yes'));
    const result = await migrateStore({
      source: from.client(), target: to.client(), prefix: utf8(prefix), overwrite: flags.bool('overwrite'), report: (line) => { process.stdout.write(`${line}\n`); },
      ...(flags.bool('follow') ? { follow: untilInterrupted() } : {}),
    });
    process.stdout.write(`done: the target shows the source's revision ${result.sourceRevision}; its own revision is ${result.targetRevision}\n`);
  },
};
