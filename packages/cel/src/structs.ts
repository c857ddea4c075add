import { EntryMap, MapValue, mapKey, typeNameOf, type CelValue } from './values.ts';

/** An object that an expression made: `Object{spec: Object.spec{…}}`. */
export class StructValue extends EntryMap {
  readonly structType: string;
  constructor(structType: string, fields: ReadonlyMap<string, CelValue>) {
    super(new Map([...fields].map(([key, value]) => [mapKey(key) as string, { key, value }])));
    this.structType = structType;
  }
}

export const makeObject = (type: string, fields: ReadonlyMap<string, CelValue>): CelValue => new StructValue(type, fields);

export const shownTypeName = (value: CelValue): string => (value instanceof StructValue ? value.structType : value instanceof MapValue ? 'map' : typeNameOf(value));
