/** Shape of the API description: what the data file says of each type. Loaded once; never changed (CRDs make further ones). */

export type FieldShape =
  | { readonly kind: 'string' | 'boolean' | 'integer' | 'number' | 'bytes' }
  /** Strings or numbers on the wire with a meaning of their own. */
  | { readonly kind: 'time' | 'micro-time' | 'duration' | 'quantity' | 'int-or-string' }
  /** Anything goes (RawExtension, JSON, FieldsV1). */
  | { readonly kind: 'any' }
  | { readonly kind: 'object'; readonly type: string }
  /** `listType` and the like stand here only for lists and maps that are no field's own (custom resources have such). */
  | { readonly kind: 'list'; readonly of: FieldShape; readonly listType?: 'atomic' | 'set' | 'map'; readonly listMapKeys?: readonly string[] }
  | { readonly kind: 'map'; readonly of: FieldShape; readonly mapType?: 'granular' | 'atomic' }
  /** Not declared: objects merge member by member, all else is taken whole. */
  | { readonly kind: 'deduced' };

export interface FieldDescription {
  /** JSON name. */
  readonly name: string;
  readonly shape: FieldShape;
  /** OpenAPI format: int32, int64, byte, date-time, … */
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly required: boolean;
  readonly default?: unknown;
  /** Structural apply: absent means atomic. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'granular' | 'atomic';
  /** Strategic merge: `merge`, `replace`, `retainKeys` (several joined by ','), and its key. */
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  /** As in the Go type: decides whether an empty value is written. */
  readonly presence: 'pointer' | 'value' | 'slice' | 'map';
  readonly omitEmpty: boolean;
  /** JSON flattens the fields of this one into its parent; protobuf nests it. */
  readonly inline: boolean;
  readonly proto?: { readonly number: number; readonly wire: string; readonly label: string; readonly name: string };
}

export interface TypeDescription {
  /** `io.k8s.api.core.v1.Pod` */
  readonly name: string;
  readonly gvk?: { readonly group: string; readonly version: string; readonly kind: string };
  /** Structural apply takes the whole object as one value, wherever it stands. */
  readonly mapType?: 'granular' | 'atomic';
  /** In declaration order, which is the order of JSON keys that a Go server writes. Inlined ones are expanded here. */
  readonly fields: ReadonlyMap<string, FieldDescription>;
  /** Of members that are not declared, where those are allowed. */
  readonly others?: FieldShape;
}

export interface ApiDescription {
  /** Asserts that it exists. */
  type(name: string): TypeDescription;
  hasType(name: string): boolean;
}
