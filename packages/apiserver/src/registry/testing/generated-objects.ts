import { apiDescription, type FieldDescription, type FieldShape, type Json, type JsonObject } from '@coxswain/api';

const texts = ['', 'a', 'web', 'x'.repeat(130), 'ü–✓ 😀', '<&>"\\/', '\u2028\u0000\t\n', '__proto__', 'true', '1e3', '~1/0'];
const keys = ['a', 'example.com/b', 'Ω', '__proto__', 'constructor', ''];
const times = ['2024-02-29T12:34:56Z', '1970-01-01T00:00:00Z', '2031-12-31T23:59:59+05:30'];
const microTimes = ['2024-02-29T12:34:56.123456Z', '2024-02-29T12:34:56.000000Z', '2024-02-29T12:34:56.500000Z'];
const quantities = ['1', '100m', '1500m', '1Gi', '1e3', '0', '-5', '12345678901234567890', '1.5Gi'];
const durations = ['0s', '1m30s', '1.5h', '-3ms'];
/** Fields of one object: types that contain themselves would grow without end. */
const maxFields = 300;

/** Objects as their types allow them, whatever validation says of them; equal seeds give equal objects. */
export class ObjectGenerator {
  #state: number;
  #fieldsLeft = maxFields;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** Of the numbers below `limit`. */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T;
  }

  #integer(format: string | undefined): Json {
    const small = [0, 1, -1, 80, 2 ** 31 - 1, -(2 ** 31)];
    return this.#one<Json>(format === 'int32' ? small : [...small, 2 ** 53 - 1, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n]);
  }

  #value(shape: FieldShape, field: Pick<FieldDescription, 'format' | 'enum'>): Json {
    switch (shape.kind) {
      case 'string': return this.#one(field.enum ?? texts);
      case 'boolean': return this.#one([true, false]);
      case 'integer': return this.#integer(field.format);
      case 'number': return this.#one([0, 1, -0.25, 1e300, 3.5]);
      case 'bytes': return this.#one(['AA==', 'aGVsbG8=', '/+8=']);
      case 'time': return this.#one(times);
      case 'micro-time': return this.#one(microTimes);
      case 'duration': return this.#one(durations);
      case 'quantity': return this.#one(quantities);
      case 'int-or-string': return this.#one<Json>([0, 8080, '25%', '', 'http']);
      // Of what may stand there a schema fits everywhere.
      case 'any': case 'deduced': return { type: this.#one(['string', 'object']) };
      // Neither an empty list nor an empty map can be told from none in protobuf.
      case 'list': return Array.from({ length: 1 + this.#below(2) }, () => this.#value(shape.of, { format: 'int32' }));
      case 'map': return this.#map(shape.of);
      case 'object': return this.#struct(shape.type);
    }
  }

  #map(of: FieldShape): JsonObject {
    const entries = Array.from({ length: 1 + this.#below(2) }, () => [this.#one(keys), this.#value(of, {})] as const);
    return Object.fromEntries(entries);
  }

  #struct(typeName: string): JsonObject {
    const object: JsonObject = {};
    for (const field of apiDescription.type(typeName).fields.values()) {
      const nested = field.shape.kind === 'object' || field.shape.kind === 'list' || field.shape.kind === 'map';
      if (this.#fieldsLeft <= 0 || this.#below(100) >= (nested ? 60 : 50)) continue;
      this.#fieldsLeft -= 1;
      object[field.name] = this.#value(field.shape, field);
    }
    return object;
  }

  object(typeName: string, apiVersion: string, kind: string): JsonObject {
    return { ...this.#struct(typeName), kind, apiVersion };
  }
}
