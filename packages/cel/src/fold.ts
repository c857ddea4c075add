import type { Step } from './attribute.ts';
import type { Frame } from './frame.ts';
import { ArrayList, CelError, EntryMap, GrowingList, ListValue, MapValue, isError, typeNameOf, type CelValue } from './values.ts';

/** Empty lists and maps are filled in place while nobody else sees them. */
export function growing(value: CelValue): CelValue {
  if (value instanceof ListValue && value.size === 0) return new GrowingList();
  if (value instanceof MapValue && value.size === 0) return new EntryMap();
  return value;
}

/** As Go names the type of a value. */
function goTypeOf(value: CelValue): string {
  const name = typeNameOf(value).replace(/^.*\.|_type$/g, '');
  return `${name === 'optional' || name === 'type' ? '*' : ''}types.${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

interface Fold {
  readonly range: Step;
  readonly condition: Step;
  readonly step: Step;
  readonly result: Step;
  readonly accuSlot: number;
  readonly firstSlot: number;
  readonly secondSlot: number | undefined;
}

export function foldStep({ range, condition, step, result, accuSlot, firstSlot, secondSlot }: Fold): Step {
  /** False: the loop is over. */
  const once = (frame: Frame, first: CelValue, second: CelValue): boolean => {
    frame.slots[firstSlot] = first;
    if (secondSlot !== undefined) frame.slots[secondSlot] = second;
    const go = condition(frame);
    if (typeof go === 'boolean' && !go) return false;
    frame.slots[accuSlot] = step(frame);
    return true;
  };
  const loop = (frame: Frame, values: CelValue): CelError | undefined => {
    if (values instanceof ListValue) {
      for (let index = 0; index < values.size; index++) {
        const item = values.at(index);
        if (!once(frame, secondSlot === undefined ? item : BigInt(index), item)) break;
      }
      return undefined;
    }
    if (values instanceof MapValue) {
      for (const key of values.keys()) if (!once(frame, key, secondSlot === undefined ? null : values.find(key) as CelValue)) break;
      return undefined;
    }
    return isError(values) ? values : new CelError(`got '${goTypeOf(values)}', expected iterable type`);
  };
  return (frame) => {
    frame.slots[accuSlot] = undefined;
    const failed = loop(frame, range(frame));
    if (failed !== undefined) return failed;
    const value = result(frame);
    frame.slots[accuSlot] = undefined;
    return value instanceof GrowingList ? new ArrayList(value.items) : value;
  };
}
