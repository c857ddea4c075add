import type { FieldError } from '../field-error.ts';

/** An error of the schema's own validation, which has yet to learn under which field the schema stands. */
export interface SchemaError {
  /** `.spec.size`, or '' for the value itself; undefined: the error belongs to no field. */
  readonly name: string | undefined;
  readonly type: FieldError['type'];
  /** What stands after the field. */
  readonly message: string;
  /** As the validator itself says it: equal texts are one error. */
  readonly text: string;
}

/** What a schema says of a value, and how much of it was right: the best of several alternatives is shown. */
export class SchemaResult {
  readonly errors: SchemaError[] = [];
  matches = 0;

  get isValid(): boolean {
    return this.errors.length === 0;
  }

  add(error: SchemaError): void {
    if (!this.errors.some((known) => known.text === error.text)) this.errors.push(error);
  }

  count(): void {
    this.matches += 1;
  }

  merge(other: SchemaResult): void {
    for (const error of other.errors) this.add(error);
    this.matches += other.matches;
  }
}
