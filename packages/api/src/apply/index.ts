export { applyServerSide, applyServerSideInSteps, type Applying } from './apply.ts';
export { mergeConfiguration, type TypeOf } from './configuration.ts';
export { applyConflict, type FieldConflict } from './conflicts.ts';
export type { ManagedEntry } from './managed.ts';
export { applyProblem } from './problems.ts';
export { FieldSet, fieldSetFromJson, fieldSetOf } from './field-set.ts';
export { customResetFields } from './reset-fields.ts';
export { allSteps, keepManagedTimes, updateManagedFields, updateManagedFieldsInSteps, type Steps, type Writing } from './update.ts';
export { zeroObject } from './zero.ts';
