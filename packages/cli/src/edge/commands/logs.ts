import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { nearestName, UsageError } from '@coxswain/service';
import { dataPaths } from '../../paths.ts';
import { dataFlag, type Tool } from '../../tool.ts';

export const logs: Tool = {
  usage: 'logs COMPONENT [-f] [-n LINES]',
  summary: 'prints the end of a component\'s log',
  flags: { ...dataFlag, follow: { kind: 'bool', help: 'go on printing (-f)' }, tail: { kind: 'int', default: 100, min: 0, help: 'lines from the end (-n)' } },
  letters: { f: 'follow', n: 'tail' },
  wordsMax: 1,
  async run(flags, [name]) {
    const folder = dataPaths(flags.string('data')).logs;
    const known = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -4)) : [];
    if (known.length === 0) throw new UsageError(`no logs in ${folder}: no cluster was brought up there (\`cox up\` does)`);
    if (name === undefined) throw new UsageError(`which component? one of: ${known.join(', ')}`);
    if (!known.includes(name)) {
      const nearest = nearestName(name, known);
      throw new UsageError(`no log of ${name}; ${nearest === undefined ? '' : `did you mean ${nearest}? `}known: ${known.join(', ')}`);
    }
    const tail = spawn('tail', ['-n', String(flags.int('tail')), ...(flags.bool('follow') ? ['-F'] : []), `${folder}/${name}.log`], { stdio: 'inherit' });
    await new Promise((resolve) => { tail.on('close', resolve); });
  },
};
