import type { FunctionDecl } from './functions.ts';
import { addressFunctions, addressStringOverloads } from './lib/addresses.ts';
import { authorizerFunctions } from './lib/authorizer.ts';
import { conversionFunctions } from './lib/conversions.ts';
import { formatFunctions } from './lib/formats.ts';
import { listFunctions, mapInsertFunction, optionalFunctions, setFunctions } from './lib/lists.ts';
import { operatorFunctions } from './lib/operators.ts';
import { quantityFunctions } from './lib/quantity.ts';
import { regexFunctions } from './lib/regex.ts';
import { semverFunctions } from './lib/semver.ts';
import { stringFunctions } from './lib/strings.ts';
import { timeFunctions } from './lib/times.ts';
import { urlFunctions } from './lib/urls.ts';
import { patchFunctions } from './structs.ts';

export type FunctionTable = ReadonlyMap<string, FunctionDecl>;

/** Libraries that name the same function (indexOf of lists and of strings) share it. */
function functionTable(...libraries: readonly (readonly FunctionDecl[])[]): FunctionTable {
  const table = new Map<string, FunctionDecl>();
  for (const decl of libraries.flat()) {
    const known = table.get(decl.name);
    table.set(decl.name, known === undefined ? decl : { ...known, overloads: [...known.overloads, ...decl.overloads] });
  }
  return table;
}

const common = [
  operatorFunctions, conversionFunctions(addressStringOverloads), timeFunctions, urlFunctions, regexFunctions, listFunctions, authorizerFunctions, optionalFunctions, quantityFunctions, stringFunctions,
  setFunctions, addressFunctions, formatFunctions,
];

/** Only where patches are made. */
export const patchFunctionTable: FunctionTable = functionTable(patchFunctions);
export const functionsOf: Readonly<Record<'new' | 'stored' | 'device', FunctionTable>> = {
  new: functionTable(...common), stored: functionTable(...common, [mapInsertFunction]), device: functionTable(...common, [mapInsertFunction], semverFunctions),
};
