import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { nearestName, parseFlags, UsageError, type FlagSet } from '@coxswain/service';
import { dataPaths } from '../../paths.ts';

const flags: FlagSet = {
  data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory of the cluster' },
  follow: { kind: 'bool', help: 'go on printing' },
  tail: { kind: 'int', default: 100, min: 0, help: 'lines from the end' },
};

/** `cox logs COMPONENT [--follow] [--tail N]`. */
export async function logs(args: readonly string[]): Promise<void> {
  const name = args.find((argument) => !argument.startsWith('-'));
  const parsed = parseFlags(flags, args.filter((argument) => argument !== name).map((argument) => (argument === '-f' ? '--follow' : argument)));
  const folder = dataPaths(parsed.string('data')).logs;
  const known = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -4)) : [];
  if (name === undefined) throw new UsageError(`which component? one of: ${known.join(', ')}`);
  if (!known.includes(name)) {
    const nearest = nearestName(name, known);
    throw new UsageError(`no log of ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`} Known: ${known.join(', ')}`);
  }
  const tail = spawn('tail', ['-n', String(parsed.int('tail')), ...(parsed.bool('follow') ? ['-F'] : []), `${folder}/${name}.log`], { stdio: 'inherit' });
  await new Promise((resolve) => { tail.on('close', resolve); });
}
