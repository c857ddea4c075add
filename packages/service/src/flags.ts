/**
 * Flags as data. A flag that the original has and we have not built yet is listed with `kind: 'unbuilt'`:
 * it is refused by name, never ignored. An unknown one is refused with the nearest known name.
 */
export type FlagSpec =
  | { readonly kind: 'string'; readonly default?: string; readonly help: string; readonly required?: boolean }
  | { readonly kind: 'strings'; readonly default?: readonly string[]; readonly help: string }
  | { readonly kind: 'int'; readonly default?: number; readonly min?: number; readonly max?: number; readonly help: string }
  | { readonly kind: 'bool'; readonly default?: boolean; readonly help: string }
  /** Go duration text (`1m30s`), or a bare number of `bareUnitMs` where the original takes one; the value is ms. */
  | { readonly kind: 'duration'; readonly default?: number; readonly bareUnitMs?: number; readonly help: string }
  /** `key=value,key=value` */
  | { readonly kind: 'map'; readonly default?: Readonly<Record<string, string>>; readonly help: string }
  /** Of the original, without meaning here and harmless: its value is not looked at. `of: 'bool'`: may stand without a value. */
  | { readonly kind: 'ignored'; readonly of: 'bool' | 'text'; readonly help: string }
  /** Refused, unless it is given as what says no: `false`, `0`, `off` or nothing. */
  | { readonly kind: 'unbuilt'; readonly help: string };

/** Name without dashes → spec. */
export type FlagSet = Readonly<Record<string, FlagSpec>>;

/** Parsed flags. Each getter asserts that the flag is of that kind. */
export interface FlagValues {
  string(name: string): string;
  strings(name: string): readonly string[];
  int(name: string): number;
  bool(name: string): boolean;
  durationMs(name: string): number;
  map(name: string): Readonly<Record<string, string>>;
  /** True if the user gave it (command line, environment or file). */
  isSet(name: string): boolean;
  /** Flags of kind `ignored` that the user gave. */
  ignored(): readonly string[];
}
