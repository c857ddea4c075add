import { parseGoDuration, UsageError } from '@coxswain/service';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { BehaviourError, behaviourFields, readField, type PodBehaviour } from './behaviour.ts';
import type { HollowRules, NodeClass, PodRule, Silence } from './rules.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Reads one value of the file after the other, and says where it is when it is wrong. */
class Reader {
  readonly #where: string;
  readonly #fields: Fields;

  constructor(where: string, value: unknown, known: readonly string[]) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageError(`${where}: expected fields`);
    this.#where = where;
    this.#fields = value as Fields;
    const unknown = Object.keys(value).find((name) => !known.includes(name));
    if (unknown !== undefined) throw new UsageError(`${where}: unknown field ${JSON.stringify(unknown)}; there are ${known.join(', ')}`);
  }

  #wrong(name: string, expected: string): UsageError {
    return new UsageError(`${this.#where}.${name}: expected ${expected}`);
  }

  list<T>(name: string, read: (where: string, value: unknown) => T): readonly T[] {
    const value = this.#fields[name] ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    return value.map((one, at) => read(`${this.#where}.${name}[${at}]`, one));
  }

  strings(name: string): readonly string[] | undefined {
    const value = this.#fields[name];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'string')) throw this.#wrong(name, 'a list of texts');
    return value as string[];
  }

  map(name: string): Readonly<Record<string, string>> {
    const value = this.#fields[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#wrong(name, 'fields with texts or numbers');
    return Object.fromEntries(Object.entries(value as Fields).map(([key, one]) => [key, String(one)]));
  }

  selector(name: string): LabelSelector | undefined {
    const value = this.#fields[name];
    if (value === undefined) return undefined;
    const known = ['matchLabels', 'matchExpressions'];
    if (typeof value !== 'object' || value === null || Object.keys(value).some((key) => !known.includes(key))) throw this.#wrong(name, 'a label selector with matchLabels or matchExpressions');
    return value as LabelSelector;
  }

  integer(name: string, fallback: number): number {
    const value = this.#fields[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) throw this.#wrong(name, 'a whole number of at least 1');
    return value;
  }

  durationMs(name: string, fallback: number): number {
    const value = this.#fields[name];
    if (value === undefined) return fallback;
    const ms = typeof value === 'string' ? parseGoDuration(value) : undefined;
    if (ms === undefined || ms < 0) throw this.#wrong(name, 'a duration such as 1m30s');
    return ms;
  }

  behaviour(): Partial<PodBehaviour> {
    const parts = behaviourFields.filter((name) => this.#fields[name] !== undefined).map((name) => {
      try {
        return readField(name, String(this.#fields[name]));
      } catch (error) {
        if (error instanceof BehaviourError) throw this.#wrong(name, error.message);
        throw error;
      }
    });
    return Object.assign({}, ...parts) as Partial<PodBehaviour>;
  }
}

const matchFields = ['namespaces', 'selector', 'owners', 'nodeSelector'] as const;

function podRule(where: string, value: unknown): PodRule {
  const reader = new Reader(where, value, [...matchFields, ...behaviourFields]);
  return {
    match: { namespaces: reader.strings('namespaces'), selector: reader.selector('selector'), owners: reader.strings('owners'), nodeSelector: reader.selector('nodeSelector') },
    behaviour: reader.behaviour(),
  };
}

function nodeClass(where: string, value: unknown): NodeClass {
  const reader = new Reader(where, value, ['weight', 'capacity', 'labels']);
  return { weight: reader.integer('weight', 1), capacity: reader.map('capacity'), labels: reader.map('labels') };
}

function silence(where: string, value: unknown): Silence {
  const reader = new Reader(where, value, ['nodeSelector', 'after', 'for']);
  return { nodeSelector: reader.selector('nodeSelector') ?? {}, afterMs: reader.durationMs('after', 0), forMs: reader.durationMs('for', Number.POSITIVE_INFINITY) };
}

/** `value` is what the file says; throws UsageError. */
export function readRules(file: string, value: unknown): HollowRules {
  const reader = new Reader(file, value ?? {}, ['pods', 'nodes', 'silences']);
  return { pods: reader.list('pods', podRule), nodes: reader.list('nodes', nodeClass), silences: reader.list('silences', silence) };
}
