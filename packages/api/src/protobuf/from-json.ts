import { fromUtf8 } from '@coxswain/host';
import { JsonTape } from './json-tape.ts';
import type { WireField, WirePlan, WireWrite } from './wire-plan.ts';
import { Times } from './times.ts';
import type { BackwardWriter } from './writer.ts';

const quote = 0x22;
const minus = 0x2d;
const zero = 0x30;
/** In place of where a text begins, which no text does. */
const versionMark = -1;

/** Writes messages as the encoder would, from an object's JSON: nothing is made of it in between, texts are copied from bytes to bytes. */
export class JsonTranscoder {
  readonly #tape = new JsonTape();
  readonly #writer: BackwardWriter;
  readonly #times = new Times();
  #plan: WirePlan | undefined;
  #root = 0;
  #version = '';

  constructor(writer: BackwardWriter) {
    this.#writer = writer;
  }

  /** False: it has to be decoded. `resourceVersion` takes the place of what the JSON says. */
  read(plan: WirePlan, json: Uint8Array, resourceVersion: string | undefined): boolean {
    const tape = this.#tape;
    this.#plan = plan;
    this.#root = tape.read(json, plan);
    if (tape.failed || resourceVersion === undefined) return !tape.failed;
    const at = plan.slotOf('metadata');
    const metadata = at < 0 ? 0 : (tape.cells[this.#root + at] as number);
    const slot = at < 0 ? -1 : (plan.fields[at] as WireField).plan.slotOf('resourceVersion');
    if (metadata === 0 || slot < 0) return false;
    this.#version = resourceVersion;
    const version = tape.span(versionMark, 0);
    tape.cells[metadata + slot] = version;
    return true;
  }

  /** Of what was read: a text of the object itself. */
  textOf(name: 'apiVersion' | 'kind'): string {
    const value = this.#tape.cells[this.#root + (this.#plan?.slotOf(name) ?? 0)] as number;
    return value === 0 ? '' : this.#textOf(value);
  }

  /** The message without its length. */
  write(): void {
    this.#fields(this.#plan?.writes ?? [], this.#root);
  }

  #fields(writes: readonly WireWrite[], first: number): void {
    for (let index = 0; index < writes.length; index += 1) {
      const write = writes[index] as WireWrite;
      if (write.inlined !== undefined) {
        const end = this.#writer.size;
        this.#fields(write.inlined, first);
        this.#endMessage(write.number, end);
        continue;
      }
      const value = this.#tape.cells[first + write.slot] as number;
      if (value !== 0) this.#member(write.number, write.field, value);
      else if (write.absent.length > 0) this.#writer.raw(write.absent);
    }
  }

  #endMessage(number: number, end: number): void {
    this.#writer.varint(this.#writer.size - end);
    this.#writer.tag(number, 2);
  }

  #member(number: number, field: WireField, value: number): void {
    const { cells } = this.#tape;
    switch (field.collection) {
      case 'none':
        this.#value(number, field, value);
        break;
      case 'list':
        for (let entry = value; entry !== 0; entry = cells[entry] as number) this.#value(number, field, cells[entry + 1] as number);
        break;
      case 'map':
        for (let entry = value; entry !== 0; entry = cells[entry] as number) {
          const end = this.#writer.size;
          this.#value(2, field, cells[entry + 1] as number);
          this.#text(cells[entry + 2] as number);
          this.#writer.tag(1, 2);
          this.#endMessage(number, end);
        }
        break;
    }
  }

  #value(number: number, field: WireField, value: number): void {
    switch (field.form) {
      case 'string':
        this.#text(value);
        this.#writer.tag(number, 2);
        break;
      case 'boolean':
        this.#writer.varint(value - 1);
        this.#writer.tag(number, 0);
        break;
      case 'integer':
        this.#integer(value);
        this.#writer.tag(number, 0);
        break;
      case 'base64':
        this.#writer.bytes(Uint8Array.fromBase64(this.#textOf(value)));
        this.#writer.tag(number, 2);
        break;
      default: {
        const end = this.#writer.size;
        this.#message(field, value);
        this.#endMessage(number, end);
      }
    }
  }

  #message(field: WireField, value: number): void {
    const writer = this.#writer;
    switch (field.form) {
      case 'struct':
        this.#fields(field.plan.writes, value);
        break;
      case 'quantity':
        if (this.#sizeOf(value) === 0) writer.string('0');
        else this.#text(value);
        writer.tag(1, 2);
        break;
      case 'int-or-string':
        this.#intOrString(value);
        break;
      case 'as-it-is':
        this.#copy(value);
        writer.tag(1, 2);
        break;
      case 'time': {
        const seconds = this.#secondsOf(value);
        if (seconds < 0) field.message?.(writer, this.#textOf(value));
        else {
          writer.varint(0);
          writer.tag(2, 0);
          writer.varint(seconds);
          writer.tag(1, 0);
        }
        break;
      }
      default: field.message?.(writer, this.#textOf(value));
    }
  }

  #intOrString(value: number): void {
    const writer = this.#writer;
    const { cells, json } = this.#tape;
    const start = cells[value] as number;
    const isText = start < 0 || json[start - 1] === quote;
    if (isText) this.#text(value);
    else writer.string('');
    writer.tag(3, 2);
    if (isText) writer.varint(0);
    else this.#integer(value);
    writer.tag(2, 0);
    writer.varint(isText ? 1 : 0);
    writer.tag(1, 0);
  }

  #sizeOf(value: number): number {
    const start = this.#tape.cells[value] as number;
    return (this.#tape.cells[value + 1] as number) - (start < 0 ? ~start : start);
  }

  #copy(value: number): void {
    const { cells, json } = this.#tape;
    this.#writer.copy(json, cells[value] as number, cells[value + 1] as number);
  }

  #text(value: number): void {
    if ((this.#tape.cells[value] as number) >= 0) this.#copy(value);
    else this.#writer.string(this.#textOf(value));
  }

  #textOf(value: number): string {
    const { cells, json } = this.#tape;
    const start = cells[value] as number;
    const end = cells[value + 1] as number;
    if (start === versionMark) return this.#version;
    return start < 0 ? (JSON.parse(fromUtf8(json.subarray(~start - 1, end + 1))) as string) : fromUtf8(json.subarray(start, end));
  }

  #integer(value: number): void {
    const { cells, json } = this.#tape;
    const start = cells[value] as number;
    const end = cells[value + 1] as number;
    const isNegative = json[start] === minus;
    let made = 0;
    for (let at = isNegative ? start + 1 : start; at < end; at += 1) made = made * 10 + (json[at] as number) - zero;
    this.#writer.varint(isNegative ? -made : made);
  }

  /** -1: not of the form that times are stored in. */
  #secondsOf(value: number): number {
    const { cells, json } = this.#tape;
    return this.#times.secondsOf(json, cells[value] as number, cells[value + 1] as number);
  }
}
