import { parseArgs } from 'node:util';
import { UsageError } from '@coxswain/service';

export interface FuzzArguments {
  readonly requests: number;
  readonly seed: number;
  /** The first request's number. */
  readonly from: number;
  readonly print: boolean;
  readonly shapes: boolean;
  readonly only: string;
  readonly help: boolean;
}

export const fuzzUsage = 'usage: node packages/apiserver/scripts/fuzz.ts [--requests N] [--seed S] [--from INDEX] [--print] | --shapes [--only TEXT]';

const known = {
  requests: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' }, from: { type: 'string', default: '0' }, print: { type: 'boolean', default: false },
  shapes: { type: 'boolean', default: false }, only: { type: 'string', default: '' }, help: { type: 'boolean', short: 'h', default: false },
} as const;

function parsed(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof known }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: known }).values;
  } catch (error) {
    // Node says what is wrong and, behind it, what might help with programs that take other arguments.
    if (error instanceof TypeError) throw new UsageError(`${error.message.split(/\. |\n/, 1)[0]}; ${fuzzUsage}`);
    throw error;
  }
}

/** Throws UsageError. */
export function fuzzArguments(args: readonly string[]): FuzzArguments {
  const { requests, seed, from, ...rest } = parsed(args);
  const count = (name: string, text: string): number => {
    if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${name} is ${JSON.stringify(text)}; it must be a whole number; ${fuzzUsage}`);
    return Number(text);
  };
  return { ...rest, requests: count('requests', requests), seed: count('seed', seed), from: count('from', from) };
}
