import { describe, expect, test } from 'vitest';
import facts from './cel-facts.json' with { type: 'json' };
import { celEnvironment, dynDecl, nameDeclType, schemaDeclType, type DeclType, type Environment, type Json, type JsonObject } from './index.ts';

/**
 * What cel-go 0.22 in the environment of k8s.io/apiserver 0.32 answered to each expression: the errors' text, the type, the estimated
 * cost, the value and what it really cost.
 */
interface Fact {
  readonly expr: string;
  readonly env?: string;
  readonly new?: boolean;
  readonly limit?: number;
  readonly compileError?: string;
  readonly programError?: string;
  readonly type?: string;
  readonly estimate?: readonly [number, number];
  readonly cost?: number;
  readonly error?: string;
  readonly valueType?: string;
  readonly value?: Json;
}

const environments = facts.environments as unknown as Readonly<Record<string, { readonly schemas: Readonly<Record<string, Json>>; readonly vars: JsonObject }>>;
const made = new Map<string, Environment>();

function environment(name: string | undefined, isNew: boolean): Environment {
  const key = `${name} ${isNew}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const variables: Record<string, DeclType> = {};
  for (const [variable, schema] of Object.entries(name === undefined ? {} : environments[name]?.schemas ?? {})) {
    variables[variable] = schema === 'dyn' ? dynDecl : nameDeclType(schemaDeclType(schema as JsonObject) as DeclType, `T${variable}`);
  }
  const result = celEnvironment({ variables, expressions: isNew ? 'new' : 'stored' });
  made.set(key, result);
  return result;
}

const plain = (json: Json | undefined): unknown => JSON.parse(JSON.stringify(json ?? null, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));

describe('as the original answers', () => {
  test.each(facts.cases as unknown as Fact[])('$expr', (fact) => {
    const compiled = environment(fact.env, fact.new === true).compile(fact.expr);
    if (!compiled.ok) {
      expect({ [compiled.kind]: compiled.message }).toEqual(fact.compileError === undefined ? { program: fact.programError } : { compile: fact.compileError });
      return;
    }
    const { program } = compiled;
    const result = program.evaluate(fact.env === undefined ? {} : environments[fact.env]?.vars ?? {}, fact.limit === undefined ? {} : { costLimit: fact.limit });
    const { min, max } = program.estimateCost();
    expect({ type: program.resultType.text, min, max, cost: result.cost, error: result.kind === 'error' ? result.message : undefined })
      .toEqual({ type: fact.type, min: fact.estimate?.[0], max: fact.estimate?.[1], cost: fact.cost, error: fact.error });
    if (result.kind !== 'value') return;
    expect(result.value.typeName).toBe(fact.valueType);
    if ('value' in fact) expect(plain(result.value.json())).toEqual(fact.value);
  });
});
