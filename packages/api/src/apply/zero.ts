import type { ApiDescription, FieldDescription, FieldShape } from '../description.ts';
import type { Json, JsonObject } from '../resource.ts';

function zeroOfShape(description: ApiDescription, shape: FieldShape): Json {
  switch (shape.kind) {
    case 'object': return description.hasType(shape.type) ? zeroObject(description, shape.type) : {};
    case 'string': return '';
    case 'boolean': return false;
    case 'integer': case 'number': case 'int-or-string': return 0;
    case 'quantity': return '0';
    case 'duration': return '0s';
    default: return null;
  }
}

/** A struct is never empty for Go, whatever omitempty says. */
function isWritten(field: FieldDescription): boolean {
  if (!field.omitEmpty) return true;
  return field.presence === 'value' && ['object', 'time', 'micro-time', 'int-or-string'].includes(field.shape.kind);
}

const zeros = new WeakMap<ApiDescription, Map<string, JsonObject>>();

/** As `zeroObject`, made once: not to be changed. */
export function sharedZero(description: ApiDescription, typeName: string): JsonObject {
  let known = zeros.get(description);
  if (known === undefined) zeros.set(description, (known = new Map<string, JsonObject>()));
  let zero = known.get(typeName);
  if (zero === undefined) known.set(typeName, (zero = zeroObject(description, typeName)));
  return zero;
}

/** What a Go server writes for a value of this type in which nothing is set. */
export function zeroObject(description: ApiDescription, typeName: string): JsonObject {
  const zero: JsonObject = {};
  for (const field of description.type(typeName).fields.values()) {
    if (isWritten(field)) zero[field.name] = field.presence === 'value' ? zeroOfShape(description, field.shape) : null;
  }
  return zero;
}
