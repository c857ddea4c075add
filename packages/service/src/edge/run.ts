import { readFileSync } from 'node:fs';
import type { Host, Logger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parse } from 'yaml';
import { UsageError, type Command, type RunningComponent } from '../command.ts';
import type { FlagSet, FlagValues } from '../flags.ts';
import { helpText } from '../help.ts';
import { parseFlags, type FlagFile } from '../parse-flags.ts';
import { unknownVariables, valuesFrom } from '../sources.ts';
import { createLogger } from './logger.ts';

/** How long a component may take to stop before the process ends anyway. */
const stopMsMax = 10_000;

function readYaml(flag: string, path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--${flag} ${path}: ${(error as Error).message.split('\n')[0]?.replace(/:$/, '') ?? ''}`);
  }
}

function readFlagFile(path: string): FlagFile {
  const value = readYaml('config', path);
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new UsageError(`--config ${path}: expected flag names and values`);
  return value as FlagFile;
}

/** Flags that every command has; a command that has its own `config` keeps it. */
function allFlags(command: Command): FlagSet {
  return { config: { kind: 'string', help: 'YAML file of flags' }, ...command.flags, v: { kind: 'int', default: 2, min: 0, max: 10, help: 'log verbosity' } };
}

function parseAll(command: Command, args: readonly string[]): FlagValues {
  const flags = allFlags(command);
  const first = parseFlags(relaxed(flags), args);
  if (command.sources !== undefined && !first.isSet('config')) return valuesFrom(flags, command.sources, args, { variables: process.env, readYaml });
  const file = Object.hasOwn(command.flags, 'config') || !first.isSet('config') ? {} : readFlagFile(first.string('config'));
  return parseFlags(flags, args, file);
}

/** The first pass only looks for --config: what is required may stand in the file. */
function relaxed(flags: FlagSet): FlagSet {
  return Object.fromEntries(Object.entries(flags).map(([name, spec]) => [name, spec.kind === 'string' ? { ...spec, required: false } : spec]));
}

/** One line, then exit: 2 for the user's mistake, 1 for a failure. */
function exitWith(command: Command, error: unknown): never {
  const line = error instanceof Error ? error.message : String(error);
  process.stderr.write(`cox ${command.name}: ${line}\n`);
  // A kubeconfig is written by the user too; the client's own error type says nothing of commands.
  if (error instanceof UsageError || (error instanceof Error && error.name === 'KubeconfigError')) process.exit(2);
  if (process.env['COX_TRACE'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exit(1);
}

async function stopAndExit(running: RunningComponent, log: Logger, signal: string): Promise<void> {
  log.info('stopping', { signal });
  setTimeout(() => { log.warn('stopping took too long', { stopMsMax }); process.exit(1); }, stopMsMax).unref();
  await running.stop();
  log.info('stopped');
  process.exit(0);
}

function watchProcess(command: Command, running: RunningComponent, log: Logger): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      stopAndExit(running, log, signal).catch((error: unknown) => exitWith(command, error));
    });
  }
  running.failed.catch((error: unknown) => {
    log.error('component failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    exitWith(command, error);
  });
}

function reportUnused(command: Command, flags: FlagValues, log: Logger): void {
  const ignored = flags.ignored();
  if (ignored.length > 0) log.warn('flags without meaning here are ignored', { flags: ignored });
  const prefix = command.sources?.environmentPrefix;
  const unknown = prefix === undefined ? [] : unknownVariables(command.flags, prefix, process.env);
  if (unknown.length > 0) log.warn('unrecognized environment variables', { variables: unknown });
}

/** Runs one component as this process: `cox NAME FLAGS`. */
export async function runCommand(command: Command, args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpText(command));
    return;
  }
  try {
    const flags = parseAll(command, args);
    const log = createLogger(command.name, flags.int('v'));
    process.on('uncaughtException', (error) => { log.error('uncaught exception', { error: error.stack ?? error.message }); process.exit(1); });
    process.on('unhandledRejection', (reason) => { log.error('unhandled rejection', { error: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason) }); process.exit(1); });
    reportUnused(command, flags, log);
    const host: Host = createRealHost(log);
    watchProcess(command, await command.start(flags, host), log);
  } catch (error) {
    exitWith(command, error);
  }
}
