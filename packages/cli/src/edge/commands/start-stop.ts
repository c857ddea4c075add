import { nearestName, parseFlags, UsageError, type FlagSet } from '@coxswain/service';
import { dataPaths } from '../../paths.ts';
import { ensureComponents, stopComponents, supervisorAlive, supervisorStatus } from '../supervisor/control.ts';
import { allSpecs } from '../up/components.ts';
import { loadSettings } from './up.ts';

const flags: FlagSet = { data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory of the cluster' } };

interface Request {
  readonly data: string;
  readonly name: string;
}

function parse(verb: string, args: readonly string[], known: readonly string[]): Request {
  const name = args.find((argument) => !argument.startsWith('-'));
  const data = parseFlags(flags, args.filter((argument) => argument !== name)).string('data');
  if (name === undefined) throw new UsageError(`${verb} which component? one of: ${known.join(', ')}`);
  return { data, name };
}

function dataOf(args: readonly string[]): string {
  return parseFlags(flags, args.filter((argument) => argument.startsWith('-'))).string('data');
}

function unknown(name: string, known: readonly string[]): UsageError {
  const nearest = nearestName(name, known);
  return new UsageError(`no component ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`} Known: ${known.join(', ')}`);
}

/** Stops one component until `cox start` or `cox up`: for experiments. */
export async function stop(args: readonly string[]): Promise<void> {
  const data = dataOf(args);
  if (!(await supervisorAlive(data))) throw new UsageError(`no cluster runs in ${data}`);
  const known = (await supervisorStatus(data)).map((component) => component.name);
  const { name } = parse('stop', args, known);
  if (!known.includes(name)) throw unknown(name, known);
  await stopComponents(data, [name]);
}

export async function start(args: readonly string[]): Promise<void> {
  const data = dataOf(args);
  const settings = loadSettings(data);
  if (settings === undefined || !(await supervisorAlive(data))) throw new UsageError(`no cluster runs in ${data}`);
  const specs = allSpecs(settings, dataPaths(data));
  const known = specs.map((spec) => spec.name);
  const { name } = parse('start', args, known);
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw unknown(name, known);
  await ensureComponents(data, [spec]);
}
