import { formatGoDuration, nearestName, parseGoDuration, UsageError } from '@coxswain/service';

type Fields = Readonly<Record<string, unknown>>;

export function mistake(path: string, text: string): UsageError {
  return new UsageError(`KubeSchedulerConfiguration: ${path}: ${text}`);
}

/** An object of the file; every field that is asked for is known, the others are refused at `end`. */
export class Section {
  readonly path: string;
  readonly #fields: Fields;
  readonly #known = new Set<string>();

  constructor(value: unknown, path: string) {
    if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) throw mistake(path, 'expected an object');
    this.path = path;
    this.#fields = (value ?? {}) as Fields;
  }

  #at(name: string): string { return this.path === '' ? name : `${this.path}.${name}`; }

  raw(name: string): unknown {
    this.#known.add(name);
    return this.#fields[name] ?? undefined;
  }

  section(name: string): Section { return new Section(this.raw(name), this.#at(name)); }

  sections(name: string): readonly Section[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) throw mistake(this.#at(name), 'expected a list');
    return value.map((item: unknown, index) => new Section(item, `${this.#at(name)}[${index}]`));
  }

  #typed<T>(name: string, type: 'string' | 'boolean', fallback: T): T {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (typeof value !== type) throw mistake(this.#at(name), `expected a ${type}`);
    return value as T;
  }

  string(name: string, fallback: string): string { return this.#typed(name, 'string', fallback); }
  bool(name: string, fallback: boolean): boolean { return this.#typed(name, 'boolean', fallback); }

  int(name: string, fallback: number, min: number, max: number): number {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw mistake(this.#at(name), `expected a whole number from ${min} to ${max}`);
    return value;
  }

  durationMs(name: string, fallback: number, zero: 'zero-is-refused' | 'zero-is-default' = 'zero-is-refused'): number {
    const value = parseGoDuration(this.string(name, formatGoDuration(fallback)));
    if (value === 0 && zero === 'zero-is-default') return fallback;
    if (value === undefined || value <= 0) throw mistake(this.#at(name), 'expected a duration such as 15s');
    return value;
  }

  strings(name: string): readonly string[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw mistake(this.#at(name), 'expected a list of strings');
    return value as string[];
  }

  /** A field of upstream's that is not built: refused if it says anything. */
  unbuilt(...names: readonly string[]): void {
    for (const name of names) {
      const value = this.raw(name);
      if (value !== undefined && !(Array.isArray(value) && value.length === 0)) throw mistake(this.#at(name), 'is not built yet; leave it out');
    }
  }

  /** Fields that make no difference here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  end(): void {
    for (const name of Object.keys(this.#fields)) {
      if (this.#known.has(name)) continue;
      const nearest = nearestName(name, [...this.#known]);
      throw mistake(this.#at(name), `unknown field${nearest === undefined ? '' : `; did you mean ${nearest}?`}`);
    }
  }
}
