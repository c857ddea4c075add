import type { Frame } from './frame.ts';
import { badQualifier, qualify, qualifyIfPresent } from './qualify.ts';
import { costs } from './runtime-cost.ts';
import { OptionalValue, isError, noSuchOverload, optionalNone, type CelError, type CelValue } from './values.ts';

/** A step of an evaluation. What it costs is added to the frame as it runs, when and as upstream counts it. */
export type Step = (frame: Frame) => CelValue;

/** A field or index of what comes before it. */
interface Qualifier {
  readonly optional: boolean;
  key(frame: Frame): CelValue;
  readonly testOnly: boolean;
}

/** A name, or a value, with fields and indexes: read as one, costed by its links. */
export interface Attribute {
  readonly kind: 'attribute';
  /** A root that is no name is evaluated as a step. */
  readonly root: Step;
  readonly qualifiers: Qualifier[];
  testOnly: boolean;
  readonly branches?: readonly [Step, Planned, Planned];
}

export type Planned = Attribute | { readonly kind: 'constant'; readonly value: CelValue } | { readonly kind: 'step'; readonly run: Step };

export function asStep(planned: Planned): Step {
  switch (planned.kind) {
    case 'step': return planned.run;
    case 'constant': {
      const { value } = planned;
      return () => value;
    }
    case 'attribute': return (frame) => {
      const resolved = resolve(planned, frame);
      const value = planned.testOnly && resolved instanceof OptionalValue ? resolved.value !== undefined : resolved;
      // A ternary costs what its parts cost, has() one less than reading would.
      frame.spend((planned.branches === undefined ? costs.ident : 0) - (planned.testOnly ? costs.ident : 0));
      return value;
    };
  }
}

function resolve(attribute: Attribute, frame: Frame): CelValue {
  if (attribute.branches === undefined) return applyQualifiers(attribute.root(frame), attribute.qualifiers, frame);
  const [condition, whenTrue, whenFalse] = attribute.branches;
  const value = condition(frame);
  if (typeof value !== 'boolean') return isError(value) ? value : noSuchOverload;
  return resolveBranch(value ? whenTrue : whenFalse, attribute.qualifiers, frame);
}

/** The branch of a ternary with what was selected from the ternary. */
function resolveBranch(branch: Planned, qualifiers: readonly Qualifier[], frame: Frame): CelValue {
  switch (branch.kind) {
    case 'constant': return applyQualifiers(branch.value, qualifiers, frame);
    case 'step': return applyQualifiers(branch.run(frame), qualifiers, frame);
    case 'attribute':
      if (qualifiers.length === 0) return resolve(branch, frame);
      return resolve({ ...branch, qualifiers: [...branch.qualifiers, ...qualifiers] }, frame);
  }
}

function applyQualifiers(root: CelValue, qualifiers: readonly Qualifier[], frame: Frame): CelValue {
  if (qualifiers.length === 0 || isError(root)) return root;
  let optional = false;
  let value: CelValue = root;
  if (root instanceof OptionalValue) {
    if (root.value === undefined) return root;
    value = root.value;
    optional = true;
  }
  for (const qualifier of qualifiers) {
    const given = qualifier.key(frame);
    const key = isError(given) ? given : badQualifier(given) ?? given;
    optional ||= qualifier.optional;
    if (isError(key)) {
      // What may be missing costs nothing where it fails.
      if (!optional) frame.spend(costs.ident);
      return key;
    }
    if (qualifier.testOnly) {
      const present = qualifyIfPresent(value, key);
      if (present !== undefined || !optional) frame.spend(costs.ident);
      if (isError(present as CelValue)) return present as CelError;
      return present !== undefined;
    }
    const next = optional ? qualifyIfPresent(value, key) : qualify(value, key);
    if (next === undefined) return optionalNone;
    if (!optional || !isError(next)) frame.spend(costs.ident);
    if (isError(next)) return next;
    value = next;
  }
  return optional ? new OptionalValue(value) : value;
}

/** An index that is itself a name with fields costs its links only. */
export function indexKey(index: Planned): (frame: Frame) => CelValue {
  return index.kind === 'attribute' ? (frame) => resolve(index, frame) : asStep(index);
}
