import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, num, obj, objects, optionalNumber, str } from '../access.ts';
import { forbiddenField, invalidValue, required } from '../errors.ts';
import { each, requireString } from '../common.ts';
import { downwardFile, fileMode, items, nonReservedPath } from './files.ts';

const conflictText = 'conflicting duplicate paths';

function tokenSource(token: JsonObject, field: string, volume: string): FieldError[] {
  const seconds = optionalNumber(token, 'expirationSeconds') ?? 0;
  const errors: FieldError[] = [];
  if (seconds < 600) errors.push(invalidValue(`${field}.expirationSeconds`, num(token, 'expirationSeconds'), 'may not specify a duration less than 10 minutes'));
  if (seconds > 2 ** 32) errors.push(invalidValue(`${field}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
  // Upstream names the path as if it were the volume's.
  return [...errors, ...(str(token, 'path') === '' ? [required(`${volume}.path`)] : nonReservedPath(str(token, 'path'), `${volume}.path`))];
}

/** What one source puts where. */
function pathsOf(source: JsonObject): readonly (readonly [path: string, shown: string])[] {
  const named = (key: string): (readonly [string, string])[] => objects(obj(source, key), 'items').map((item) => [str(item, 'path'), str(obj(source, key), 'name')] as const);
  return [...named('secret'), ...named('configMap'), ...objects(obj(source, 'downwardAPI'), 'items').map((file) => [str(file, 'path'), str(file, 'path')] as const)];
}

const kinds = ['secret', 'configMap', 'downwardAPI', 'serviceAccountToken', 'clusterTrustBundle'] as const;

function oneSource(source: JsonObject, at: string, volume: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of ['secret', 'configMap'] as const) {
    const one = obj(source, key);
    if (one !== undefined) append(errors, [...requireString(one, 'name', `${at}.${key}`), ...items(one, `${at}.${key}`)]);
  }
  const downward = obj(source, 'downwardAPI');
  if (downward !== undefined) append(errors, objects(downward, 'items').flatMap((file) => downwardFile(file, `${at}.downwardAPI`)));
  const token = obj(source, 'serviceAccountToken');
  if (token !== undefined) append(errors, tokenSource(token, `${at}.serviceAccountToken`, volume));
  if (kinds.filter((key) => has(source, key)).length > 1) errors.push(forbiddenField(at, 'may not specify more than 1 volume type per source'));
  return errors;
}

export function projected(source: JsonObject, field: string): FieldError[] {
  const taken = new Set<string>();
  const errors = fileMode(source, 'defaultMode', field);
  return [...errors, ...each(objects(source, 'sources'), `${field}.sources`, (one, at) => {
    const conflicts = pathsOf(one).flatMap(([path, shown]) => {
      if (path === '') return [];
      const again = taken.has(path);
      taken.add(path);
      return again ? [invalidValue(field, shown, conflictText)] : [];
    });
    return [...oneSource(one, at, field), ...conflicts];
  })];
}

