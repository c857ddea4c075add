import type { Json, JsonObject } from '@coxswain/api';
import type { Dice } from './dice.ts';
import { randomExpression, randomPattern } from './expressions.ts';

const oddKeys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', '', ' ', 'a.b', 'a/b', '$ref', '$patch', '$retainKeys', '$setElementOrder/containers', 'f:x', '.', 'apiVersion', 'kind', 'metadata', 'é', '\u0000', '\ud800', '-', '0'];
const oddTexts = [
  '', ' ', 'a', 'A', 'x'.repeat(64), 'x'.repeat(254), 'a.b', 'a/b', 'a/b/c', '../..', '-', '0', '*', '\u0000', '\ud800', '\u{1f600}', '\u2028', '<&>', '%', '%%20', 'true', 'null', '1', '-1', '1e3', '10Mi', '1e99999', '9'.repeat(400), '0.0000000001', '1Ki.', '+', '12E',
  'default', 'kube-system', '2020-01-01T00:00:00Z', '9999-99-99T99:99:99Z', '1h', '-1ns', '99999999h', '1.2.3.4', '::1', '10.0.0.0/8', '::ffff:1.2.3.4', '1.2.3.4/99', 'http://[', 'https://127.0.0.1:1/', 'file:///etc/passwd', '$(A)', '{{', '{.metadata.name}', '{..a}', '{[*]}', 'in (a,b)', 'a=b', 'system:masters', 'spec.nodeName',
];
const oddNumbers: readonly (number | bigint)[] = [0, -1, 1, 2, 80, 255, 256, 65_535, 65_536, 100_000, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 9223372036854775807n, -9223372036854775808n, 9223372036854775808n, 10n ** 30n, 0.5, -0.1, 1e21, 1e308, 5e-324];

function nested(dice: Dice): Json {
  let value: Json = dice.of<Json>([null, 1, 'a']);
  const list = dice.once(2);
  for (let depth = dice.of([3, 20, 200, 1500]); depth > 0; depth -= 1) value = list ? [value] : { a: value };
  return value;
}

function many(dice: Dice): Json {
  const count = dice.of([10, 100, 1000, 5000]);
  return dice.of<() => Json>([
    () => Array.from({ length: count }, (_, at) => at), () => Array.from({ length: count }, () => 'a'), () => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, `v${at}`])), () => 'a'.repeat(count * 20),
    () => Array.from({ length: count }, (_, at) => ({ name: `n${at}`, key: `k${at}`, value: 'v' })),
  ])();
}

export function oddValue(dice: Dice): Json {
  switch (dice.below(14)) {
    case 0: return null;
    case 1: return dice.once(2);
    case 2: case 3: return dice.of(oddNumbers);
    case 4: case 5: case 6: return dice.of(oddTexts);
    case 7: return [];
    case 8: return {};
    case 9: return randomExpression(dice);
    case 10: return randomPattern(dice);
    case 11: return dice.once(4) ? nested(dice) : [oddValue(dice)];
    case 12: return dice.once(12) ? many(dice) : { [dice.of(oddKeys)]: oddValue(dice) };
    default: return [dice.of(oddTexts), dice.of(oddTexts)];
  }
}

interface Place { readonly parent: JsonObject | Json[]; readonly key: string | number }

function placesOf(value: Json, found: Place[] = [], depth = 0): Place[] {
  if (value === null || typeof value !== 'object' || depth > 30 || found.length > 2000) return found;
  const keys = Array.isArray(value) ? value.map((_, at) => at) : Object.keys(value);
  for (const key of keys) {
    found.push({ parent: value, key });
    placesOf((value as Record<string | number, Json>)[key] as Json, found, depth + 1);
  }
  return found;
}

/** Also `__proto__` becomes a member, as in what a scanner of JSON makes. */
function put({ parent, key }: Place, value: Json): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

function mutateOne(dice: Dice, root: JsonObject, others: () => Json): void {
  const places = placesOf(root);
  if (places.length === 0) return;
  const place = dice.of(places);
  const { parent, key } = place;
  const old = (parent as Record<string | number, Json>)[key] as Json;
  switch (dice.below(9)) {
    case 0: case 1: put(place, oddValue(dice)); return;
    case 2: if (Array.isArray(parent)) parent.splice(key as number, 1); else delete parent[key]; return;
    case 3: if (Array.isArray(parent)) parent.push(structuredClone(old)); else put({ parent, key: dice.of(oddKeys) }, structuredClone(old)); return;
    case 4: { const other = placesOf(others()); if (other.length > 0) { const from = dice.of(other); put(place, structuredClone((from.parent as Record<string | number, Json>)[from.key] as Json)); } return; }
    case 5: put(place, typeof old === 'string' ? dice.of([`${old}${dice.of(oddTexts)}`, old.toUpperCase(), old.slice(1), old.repeat(20)]) : typeof old === 'number' ? dice.of<Json>([-old, old + 1, old * 1000, String(old), old + 0.5]) : [structuredClone(old)]); return;
    case 6: put({ parent: Array.isArray(parent) ? root : parent, key: dice.of(oddKeys) }, oddValue(dice)); return;
    case 7: if (Array.isArray(parent)) parent.reverse(); else put({ parent, key: String(key).toUpperCase() }, structuredClone(old)); return;
    default: put(place, typeof old === 'string' ? (/[ ()=.]/.test(old) ? randomExpression(dice) : dice.of(oddTexts)) : oddValue(dice));
  }
}

export function mutated(dice: Dice, object: JsonObject, others: () => Json): JsonObject {
  const copy = structuredClone(object);
  for (let times = dice.size(12); times > 0; times -= 1) mutateOne(dice, copy, others);
  return copy;
}
