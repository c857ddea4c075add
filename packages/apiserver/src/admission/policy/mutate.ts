import { mergeConfiguration, StatusError, type JsonObject } from '@coxswain/api';
import { runtimeCostBudget, type CelResult } from '@coxswain/cel';
import type { AdmissionVersion } from '../../types.ts';
import { applyOperations, PatchFailure } from '../webhook/patch.ts';
import { Budget, type Activation } from './activation.ts';
import type { CompiledMutation } from './compile.ts';
import { PolicyConversionError } from './conversion-error.ts';

/** Why a mutation cannot be made: its policy's failurePolicy says what follows. */
export class MutationFailure extends Error {}

function asObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkTypeNames(value: CelResult): void {
  const misplaced = value.misplacedTypes();
  if (misplaced.length > 0) throw new MutationFailure(`type mismatch: ${misplaced.join('\n')}`);
}

function merged(version: AdmissionVersion, object: JsonObject, value: CelResult): JsonObject {
  checkTypeNames(value);
  const configuration = value.json();
  if (!asObject(configuration)) throw new MutationFailure('invalid return type: a field has no form in JSON');
  const { structure } = version;
  if (structure === undefined) {
    const kind = `${version.kind.group}/${version.kind.version}, Kind=${version.kind.kind}`;
    throw new StatusError('ServiceUnavailable', `Resource kind ${kind} not found. There can be a delay between when CustomResourceDefinitions are created and when they are available.`);
  }
  const result = mergeConfiguration(structure, object, configuration);
  if (typeof result === 'string') throw new MutationFailure(`error applying patch: ${result}`);
  return result;
}

/** One operation; a value that is not given is null. */
function operationOf(item: CelResult): JsonObject {
  const operation = item.json();
  const value = item.field('value');
  if (value !== undefined) checkTypeNames(value);
  if (!asObject(operation)) throw new MutationFailure('JSONPath valueExpression evaluated to a type that could not marshal to JSON: a value has no form in JSON');
  const { op = '', path = '', from = '' } = operation;
  return { op, path, ...(from === '' ? {} : { from }), ...(value === undefined ? {} : { value: operation['value'] ?? null }) };
}

/** The object, if a test does not hold. */
function patched(object: JsonObject, value: CelResult): JsonObject {
  const operations = (value.items() ?? []).map(operationOf);
  try {
    const result = applyOperations(object, operations);
    return asObject(result) ? result : {};
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error;
    if (error.operation['op'] === 'test') return object;
    throw new MutationFailure(`JSON Patch: ${error.message}`);
  }
}

/**
 * What one mutation makes of an object in the policy's version. Throws MutationFailure, StatusError for what no failurePolicy excuses,
 * OutOfBudget.
 */
export async function mutate({ type, expression }: CompiledMutation, version: AdmissionVersion, object: JsonObject, activation: Activation): Promise<JsonObject> {
  const result = await activation.evaluate(expression, new Budget(runtimeCostBudget));
  if ('error' in result) throw new MutationFailure(result.error);
  const made = type === 'JSONPatch' ? patched(object, result.value) : merged(version, object, result.value);
  try {
    return version.settlePolicy(made, type === 'JSONPatch');
  } catch (error) {
    if (error instanceof PolicyConversionError) throw new MutationFailure(error.message);
    throw error;
  }
}
