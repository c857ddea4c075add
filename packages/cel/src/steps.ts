import { operators } from './ast.ts';
import type { Step } from './attribute.ts';
import { equal } from './equality.ts';
import { callFunction, type FunctionDecl } from './functions.ts';
import { goText } from './lib/go-text.ts';
import { callCost } from './runtime-cost.ts';
import { ArrayList, CelError, EntryMap, ListValue, MapValue, OptionalValue, isError, mapKey, noSuchOverload, typeNameOf, type CelValue } from './values.ts';
import { work } from './work.ts';

export const costed = (run: Step, cost: number): Step => (frame) => {
  const value = run(frame);
  frame.spend(cost);
  return value;
};

export function logical(left: Step, right: Step, decides: boolean): Step {
  return (frame) => {
    const first = left(frame);
    if (first === decides) return decides;
    const second = right(frame);
    if (second === decides) return decides;
    if (typeof first !== 'boolean') return isError(first) ? first : noSuchOverload;
    if (typeof second !== 'boolean') return isError(second) ? second : noSuchOverload;
    return !decides;
  };
}

export function equality(name: string, left: Step, right: Step): Step {
  const cost = callCost(name, name === operators.equals ? 'equals' : 'not_equals');
  return (frame) => {
    const first = left(frame);
    const second = right(frame);
    // What is too dear is not begun.
    frame.spend(cost([first, second], null));
    if (isError(first) || isError(second)) return isError(first) ? first : second;
    return cannotEqual(first, second) ? noSuchOverload : equal(first, second) === (name === operators.equals);
  };
}

/** Lists and objects with a schema refuse to be compared with what is none. */
const cannotEqual = (left: CelValue, right: CelValue): boolean => (left instanceof ListValue && left.typed === true && !(right instanceof ListValue)) || (left instanceof MapValue && left.typed === true && !(right instanceof MapValue));

export function alternative(name: 'or' | 'orValue', left: Step, right: Step): Step {
  return (frame) => {
    const value = left(frame);
    if (!(value instanceof OptionalValue)) return value;
    if (value.value === undefined) return right(frame);
    return name === 'or' ? value : value.value;
  };
}

/** Looking through a list is cheaper than a step. */
const listWork = 8;

export function functionStep(decl: FunctionDecl, overload: string, args: readonly Step[]): Step {
  const cost = callCost(decl.name, overload);
  const id = overload === '' ? undefined : overload;
  const strict = decl.name !== operators.notStrictlyFalse;
  const many = args.length > 2;
  const costByResult = decl.name === 'join';
  return (frame) => {
    const values: CelValue[] = [];
    let error: CelError | undefined;
    for (const arg of args) {
      const value = arg(frame);
      values.push(value);
      if (!strict || !isError(value)) continue;
      error ??= value;
      // With more than two arguments upstream stops at the first error, and then the call has no cost.
      if (many && values.length < args.length) return value;
    }
    for (const value of values) if (value instanceof ListValue) work(value.size / listWork);
    if (!costByResult) frame.spend(cost(values, null));
    const result = error ?? callFunction(decl, id, values, frame);
    if (costByResult) frame.spend(cost(values, result));
    return result;
  };
}

export function listStep(elements: readonly Step[], optional: ReadonlySet<number>): Step {
  return (frame) => {
    const items: CelValue[] = [];
    for (let index = 0; index < elements.length; index++) {
      const value = (elements[index] as Step)(frame);
      if (isError(value)) return value;
      if (!optional.has(index)) items.push(value);
      else if (!(value instanceof OptionalValue)) return new CelError(`cannot initialize optional list element from non-optional value ${goText(value)}`);
      else if (value.value !== undefined) items.push(value.value);
    }
    return new ArrayList(items);
  };
}

export function mapStep(entries: readonly { readonly key: Step; readonly value: Step; readonly optional: boolean }[]): Step {
  return (frame) => {
    const map = new EntryMap();
    for (const { key, value, optional } of entries) {
      const keyValue = key(frame);
      if (isError(keyValue)) return keyValue;
      let entryValue = value(frame);
      if (isError(entryValue)) return entryValue;
      const text = mapKey(keyValue) ?? `?${typeNameOf(keyValue)}${goText(keyValue)}`;
      if (optional) {
        if (!(entryValue instanceof OptionalValue)) return new CelError(`cannot initialize optional entry '${goText(keyValue)}' from non-optional value ${goText(entryValue)}`);
        if (entryValue.value === undefined) {
          map.entries.delete(text);
          continue;
        }
        entryValue = entryValue.value;
      }
      map.entries.set(text, { key: keyValue, value: entryValue });
    }
    return map;
  };
}
