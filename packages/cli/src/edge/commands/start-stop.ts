import { nearestName, UsageError } from '@coxswain/service';
import { dataPaths } from '../../paths.ts';
import { dataFlag, type Tool } from '../../tool.ts';
import { ensureComponents, stopComponents, supervisorAlive, supervisorStatus } from '../supervisor/control.ts';
import { allSpecs } from '../up/components.ts';
import { loadSettings } from './up.ts';

function checkName(verb: string, name: string | undefined, known: readonly string[]): string {
  if (name === undefined) throw new UsageError(`${verb} which component? one of: ${known.join(', ')}`);
  if (known.includes(name)) return name;
  const nearest = nearestName(name, known);
  throw new UsageError(`no component ${name}; ${nearest === undefined ? '' : `did you mean ${nearest}? `}known: ${known.join(', ')}`);
}

export const stop: Tool = {
  usage: 'stop COMPONENT', summary: 'stops one component until `cox start` or `cox up`: for experiments', flags: dataFlag, wordsMax: 1,
  async run(flags, [word]) {
    const data = flags.string('data');
    if (!(await supervisorAlive(data))) throw new UsageError(`no cluster runs in ${data}`);
    const name = checkName('stop', word, (await supervisorStatus(data)).map((component) => component.name));
    await stopComponents(data, [name]);
    process.stdout.write(`${name} is stopped\n`);
  },
};

export const start: Tool = {
  usage: 'start COMPONENT', summary: 'starts one component that `cox stop` stopped', flags: dataFlag, wordsMax: 1,
  async run(flags, [word]) {
    const data = flags.string('data');
    const settings = loadSettings(data);
    if (settings === undefined || !(await supervisorAlive(data))) throw new UsageError(`no cluster runs in ${data}`);
    const specs = allSpecs(settings, dataPaths(data));
    const name = checkName('start', word, specs.map((spec) => spec.name));
    await ensureComponents(data, specs.filter((spec) => spec.name === name));
    process.stdout.write(`${name} is started\n`);
  },
};
