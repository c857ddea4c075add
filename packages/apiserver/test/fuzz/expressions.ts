import type { Dice } from './dice.ts';

const paths = ['self', 'object', 'oldObject', 'request', 'params', 'variables.x', 'object.metadata.name', 'object.metadata.labels', 'object.spec', 'self.spec', 'self.spec.size', 'oldSelf', 'request.userInfo.groups', 'authorizer', 'namespaceObject', 'nothing', 'self.__proto__', 'object.constructor'];
const literals = ['1', '-1', '9223372036854775807', '9223372036854775808', '0x7f', '1u', '1.5', '1e308', '1e999', 'true', 'null', '"a"', "'a'", 'b"a"', 'r"\\d"', '""', '[]', '{}', '[1,2,3]', '{"a": 1}', '"\\u0000"', '"\\x"', '"""a', "duration('1h')", "timestamp('2020-01-01T00:00:00Z')", "quantity('1Gi')", "ip('::1')", "cidr('10.0.0.0/8')", "url('http://a')", 'optional.none()', "semver('1.0.0')"];
const operators = ['+', '-', '*', '/', '%', '&&', '||', '==', '!=', '<', '<=', 'in', '.', '?.', ' ', ','];

/** `(a+)+`, nested counts, long alternatives: what stops engines that go back. */
export function randomPattern(dice: Dice, depth = 3): string {
  if (depth === 0 || dice.once(3)) return dice.of(['a', 'a*', 'a+', '.', '.*', '[a-z]', '[^\\s]', '\\d+', '\\w*', '(a|aa)', '(a|a)*', '^', '$', '\\b', '\\p{L}', 'é', '\\', '[', '(', '(?=a)', '\\1', '(?i)a', 'x{2,1}', 'a{1000}', 'a{,5}', '\u{1f600}']);
  const inner = randomPattern(dice, depth - 1);
  return dice.of([() => `(${inner})+`, () => `(${inner})*`, () => `(?:${inner}){${dice.below(1200)}}`, () => `(${inner}|${randomPattern(dice, depth - 1)})`, () => `${inner}${randomPattern(dice, depth - 1)}`, () => `^(${inner})*$`, () => `(${inner}){1,${dice.of([2, 10, 100, 1000])}}`, () => `${inner}?`.repeat(dice.of([1, 5, 30]))])();
}

function call(dice: Dice, inner: () => string): string {
  return dice.of([
    () => `${inner()}.all(x, ${inner()})`, () => `${inner()}.exists(x, x == ${inner()})`, () => `${inner()}.map(x, ${inner()})`, () => `${inner()}.filter(x, ${inner()})`,
    () => `size(${inner()})`, () => `has(${inner()})`, () => `${inner()}.matches(${JSON.stringify(randomPattern(dice))})`, () => `${inner()}.contains(${inner()})`,
    () => `${inner()} ? ${inner()} : ${inner()}`, () => `!${inner()}`, () => `-${inner()}`, () => `string(${inner()})`, () => `int(${inner()})`, () => `dyn(${inner()})`, () => `${inner()}[${inner()}]`,
    () => `${inner()}.replace("a", ${inner()})`, () => `${inner()}.split(",")`, () => `${inner()}.join()`, () => `${inner()}.find("a+")`, () => `[${inner()}, ${inner()}]`, () => `{${inner()}: ${inner()}}`,
    () => `cel.bind(y, ${inner()}, y)`, () => `authorizer.group('').resource('pods').check('get').allowed()`, () => `[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, ${inner()})))`,
    () => `Object{metadata: Object.metadata{name: ${inner()}}}`, () => `[JSONPatch{op: "add", path: "/metadata/labels", value: ${inner()}}]`,
  ])();
}

/** Common Expression Language, mostly well-formed, seldom of the right type. */
export function randomExpression(dice: Dice, depth = 4): string {
  if (depth === 4 && dice.once(12)) return deepExpression(dice);
  if (depth === 4 && dice.once(6)) return dice.of(['true', 'false', "self == oldSelf", 'object.metadata.name != "x"', 'has(self.spec)', '1 == 1']);
  if (depth === 0 || dice.once(4)) return dice.once(2) ? dice.of(paths) : dice.of(literals);
  const inner = (): string => randomExpression(dice, depth - 1);
  return dice.once(3) ? `${inner()} ${dice.of(operators)} ${inner()}` : dice.once(4) ? `(${inner()})` : call(dice, inner);
}

function deepExpression(dice: Dice): string {
  const times = dice.of([10, 100, 1000, 20_000]);
  return dice.of([
    () => `${'('.repeat(times)}1${')'.repeat(times)}`, () => `${'['.repeat(times)}${']'.repeat(times)}`, () => `1${'+1'.repeat(times)}`, () => `${'!'.repeat(times)}true`, () => `${'-'.repeat(times)}1`,
    () => `self${'.a'.repeat(times)}`, () => `true${' || true'.repeat(times)}`, () => `true${' ? true : false'.repeat(times)}`, () => '('.repeat(times), () => `"${'a'.repeat(times)}".matches("${'a?'.repeat(Math.min(times, 1000))}")`,
    () => `[${'1,'.repeat(times)}1]`, () => `self${'.all(x, x'.repeat(Math.min(times, 100))}${')'.repeat(Math.min(times, 100))}`,
  ])();
}
