import { expect, test } from 'vitest';
import { celEnvironment, dynDecl, authorizerDecl, authorizerValue, intDecl, lazyFields, optionalDecl, perCallLimit, type AuthorizerAttributes, type Environment, type Evaluation, type Json } from './index.ts';

/** Small and repeatable; the seed of a failure is in the test's name. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const atoms = [
  '1', '2u', '1.5', '"a"', '"abc"', 'b"x"', 'true', 'null', '[]', '{}', 'self', 'self.list', 'self.text', 'self.map', 'self.missing', 'duration("1h")', 'timestamp(0)', '-1', '9223372036854775807', 'optional.none()', 'x', 'y',
];
const binary = ['+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '&&', '||', 'in'];
const calls = [
  'size', 'contains', 'matches', 'split', 'join', 'format', 'replace', 'indexOf', 'sum', 'min', 'isSorted', 'find', 'findAll', 'substring', 'charAt', 'orValue', 'or', 'value', 'hasValue', 'getHours', 'lowerAscii', 'startsWith',
];
const macros = ['all', 'exists', 'exists_one', 'map', 'filter', 'optMap', 'optFlatMap'];
const globals = ['dyn', 'int', 'string', 'double', 'bytes', 'bool', 'type', 'quantity', 'url', 'ip', 'cidr', 'isIP', 'optional.of', 'sets.contains', 'has', 'duration'];

function expression(pick: (below: number) => number, depth: number): string {
  const of = (list: readonly string[]): string => list[pick(list.length)] as string;
  const sub = (): string => expression(pick, depth - 1);
  if (depth <= 0) return of(atoms);
  switch (pick(11)) {
    case 0: return of(atoms);
    case 1: case 2: return `(${sub()} ${of(binary)} ${sub()})`;
    case 3: return `dyn(${sub()}).${of(calls)}(${pick(2) === 0 ? '' : sub()})`;
    case 4: case 5: return `dyn(${sub()}).${of(macros)}(${of(['x', 'y'])}, ${sub()})`;
    case 6: return `${of(globals)}(${sub()})`;
    case 7: return `(${sub()} ? ${sub()} : ${sub()})`;
    case 8: return `[${sub()}, dyn(${sub()})]`;
    case 9: return `{"k": ${sub()}}${of(['.k', '[?"k"]', '.?z', ''])}`;
    default: return `dyn(${sub()})[${sub()}]`;
  }
}

const self: Json = { list: Array.from({ length: 50 }, (_, index) => index), text: 'x'.repeat(2000), map: { a: [1, 2, { b: null }] } };
const environment = celEnvironment({ variables: { self: dynDecl } });

function runOne(text: string, limit: number): void {
  const compiled = environment.compile(text);
  if (!compiled.ok) {
    expect(compiled.message).not.toBe('');
    return;
  }
  const { min, max } = compiled.program.estimateCost();
  expect(min).toBeLessThanOrEqual(max);
  const result = compiled.program.evaluate({ self }, { costLimit: limit });
  // One call may overshoot by itself; nothing goes on after it.
  if (result.kind === 'error' && result.overLimit) return;
  expect(result.cost).toBeLessThanOrEqual(limit);
}

test.each([1, 2, 3, 4])('random expressions neither crash nor run away (seed %i)', (seed) => {
  const pick = random(seed);
  for (let round = 0; round < 400; round++) runOne(expression(pick, 5), 20_000);
});

test.each([5, 6])('broken texts are refused, never thrown at (seed %i)', (seed) => {
  const pick = random(seed);
  const pieces = ['(', ')', '[', ']', '{', '}', '.', ',', '?', ':', '-', '!', '"', '\'', '\\', 'r"', '\n', '\u00e9', '\u{1f600}', '@', '=', '&', '|', ' ', 'in', 'true', 'self', '1', '0x', '.5', 'e', '"""', '//'];
  for (let round = 0; round < 500; round++) {
    let text = expression(pick, 3);
    for (let edit = 0; edit <= pick(3); edit++) {
      const at = pick(text.length + 1);
      text = text.slice(0, at) + (pieces[pick(pieces.length)] as string) + text.slice(at + pick(3));
    }
    runOne(text, 20_000);
  }
});

const costOf = (of: Environment, text: string): { readonly cost: number; readonly message: string } => {
  const compiled = of.compile(text);
  if (!compiled.ok) throw new Error(compiled.message);
  const result = compiled.program.evaluate({});
  return { cost: result.cost, message: result.kind === 'error' ? result.message : result.kind };
};

test.each([
  ['nested loops', '[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, [0,1,2,3,4,5,6,7,8,9].all(e, [0,1,2,3,4,5,6,7,8,9].all(f, true))))))'],
  ['a list that doubles', `[[1,2]]${'.map(x, x + x)'.repeat(40)}[0].all(i, i > 0)`],
  ['a list of lists that doubles', `[[1]]${'.map(x, [x, x])'.repeat(40)} == [[1]]${'.map(x, [x, x])'.repeat(40)}`],
  ['a text that doubles', `['aaaaaaaa']${'.map(x, x + x)'.repeat(40)}[0].size()`],
])('%s ends at the limit', (_name, text) => {
  const { message, cost } = costOf(celEnvironment(), text);
  expect(message).toBe('operation cancelled: actual cost limit exceeded');
  expect(cost).toBeLessThan(perCallLimit * 20);
});

test('many bytes have a JSON form', () => {
  const compiled = celEnvironment({ variables: { self: dynDecl } }).compile('bytes(self)');
  if (!compiled.ok) throw new Error(compiled.message);
  const result = compiled.program.evaluate({ self: 'a'.repeat(300_000) });
  expect(result.kind === 'value' ? result.value.json() : result.kind).toBe('YWFh'.repeat(100_000));
});

test('a pattern that hangs backtracking engines is matched in time', () => {
  const text = `'${'a'.repeat(5000)}!'.matches('^(a+)+$')`;
  expect(costOf(celEnvironment(), text).message).toBe('value');
});

test.each([['parentheses', `${'('.repeat(300)}1${')'.repeat(300)}`], ['a chain', `1${' + 1'.repeat(300)}`], ['members', `self${'.a'.repeat(300)}`]])('too deep: %s', (_name, text) => {
  const compiled = celEnvironment({ variables: { self: dynDecl } }).compile(text);
  expect(compiled.ok ? '' : compiled.message).toContain('expression recursion limit exceeded: 250');
});

test('the authorizer is asked by whoever evaluates, and the answer remembered', () => {
  const compiled = celEnvironment({ variables: { authorizer: authorizerDecl } }).compile('authorizer.serviceAccount("ns", "sa").group("apps").resource("deployments").namespace("ns").name("n").check("update").allowed() && authorizer.path("/healthz").check("get").reason() == "why"');
  if (!compiled.ok) throw new Error(compiled.message);
  const known = new Map<string, { readonly allowed: boolean; readonly reason: string }>();
  const asked: AuthorizerAttributes[] = [];
  const authorizer = { decide: (attributes: AuthorizerAttributes) => known.get(JSON.stringify(attributes)) };
  for (let round = 0; round < 3; round++) {
    const result = compiled.program.evaluate({ authorizer: authorizerValue }, { authorizer });
    if (result.kind !== 'ask') {
      expect(result).toMatchObject({ kind: 'value', cost: 700_011 });
      break;
    }
    asked.push(result.attributes);
    known.set(JSON.stringify(result.attributes), { allowed: true, reason: 'why' });
  }
  expect(asked).toEqual([
    { serviceAccount: { namespace: 'ns', name: 'sa' }, verb: 'update', isResourceRequest: true, path: '', group: 'apps', resource: 'deployments', subresource: '', namespace: 'ns', name: 'n' },
    { verb: 'get', isResourceRequest: false, path: '/healthz', group: '', resource: '', subresource: '', namespace: '', name: '' },
  ]);
});

test('lazy fields are evaluated once, and only when read', () => {
  const evaluated: string[] = [];
  const environment2 = celEnvironment();
  const field = (name: string, text: string): readonly [string, () => Evaluation] => [name, () => {
    evaluated.push(name);
    return program(environment2, text).evaluate({}, { nested: true });
  }];
  const variables = lazyFields(new Map([field('a', '1 + 1'), field('b', '1 / 0'), field('c', '3')]));
  const outer = celEnvironment({ variables: { variables: dynDecl } });
  expect(program(outer, 'variables.a + variables.a == 4 && variables.b == 1').evaluate({ variables })).toMatchObject({ kind: 'error', message: 'division by zero' });
  expect(evaluated).toEqual(['a', 'b']);
});

function program(of: Environment, text: string): { evaluate: (bindings: Readonly<Record<string, Json | undefined | { readonly boundValue: unknown }>>, limits?: { readonly nested?: boolean }) => Evaluation } {
  const compiled = of.compile(text);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.program;
}

test('an optional variable is none without a value', () => {
  const oldSelf = celEnvironment({ variables: { oldSelf: optionalDecl(intDecl) } });
  const tested = program(oldSelf, 'oldSelf.hasValue() ? oldSelf.value() : -1');
  expect(tested.evaluate({ oldSelf: undefined })).toMatchObject({ value: { scalar: -1n } });
  expect(tested.evaluate({ oldSelf: 7 })).toMatchObject({ value: { scalar: 7n } });
});
