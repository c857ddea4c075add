import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { jsonKind } from '../decode/context.ts';
import { scanJson } from '../json/scan.ts';
import { JsonSyntaxError } from '../json/syntax-error.ts';
import { equalJson, isObject } from '../patch/values.ts';
import { bool, entries, get, obj, str } from './access.ts';
import { eachInvalid, forbiddenField, invalidValue, required, tooLong } from './errors.ts';
import { immutableText } from './common.ts';
import { configMapKeyProblems } from './formats.ts';
import type { Validator } from './validator.ts';

const maxBytes = 1024 * 1024;
const redacted = '<secret contents redacted>';
const whenImmutable = 'field is immutable when `immutable` is set';

const encoder = new TextEncoder();

function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

/** null: a key without a value. */
function decodedBytes(base64: string | null): number {
  if (base64 === null) return 0;
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

function configMap(object: JsonObject): FieldError[] {
  const binary = obj(object, 'binaryData');
  const errors: FieldError[] = [];
  let sizeBytes = 0;
  for (const [key, value] of entries(obj(object, 'data'))) {
    append(errors, eachInvalid(`data[${key}]`, key, configMapKeyProblems(key)));
    if (get(binary, key) !== undefined) errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    sizeBytes += utf8Bytes(value as string);
  }
  for (const [key, value] of entries(binary)) {
    append(errors, eachInvalid(`binaryData[${key}]`, key, configMapKeyProblems(key)));
    sizeBytes += decodedBytes(value as string | null);
  }
  // An object without a name for its whole: upstream shows the empty path so.
  return sizeBytes > maxBytes ? [...errors, tooLong('[]', maxBytes)] : errors;
}

function keepImmutable(object: JsonObject, old: JsonObject, keys: readonly string[]): FieldError[] {
  if (!bool(old, 'immutable')) return [];
  return [
    ...(bool(object, 'immutable') ? [] : [forbiddenField('immutable', whenImmutable)]),
    ...keys.flatMap((key) => (equalJson(obj(object, key) ?? {}, obj(old, key) ?? {}) ? [] : [forbiddenField(key, whenImmutable)])),
  ];
}

function missingKeys(secret: JsonObject, ...keys: readonly string[]): FieldError[] {
  return keys.flatMap((key) => (get(obj(secret, 'data'), key) === undefined ? [required(`data[${key}]`)] : []));
}

function decodeText(base64: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(base64));
}

function jsonKey(secret: JsonObject, key: string): FieldError[] {
  const missing = missingKeys(secret, key);
  if (missing.length > 0) return missing;
  try {
    const { value } = scanJson(decodeText(str(obj(secret, 'data'), key)));
    if (value === null || isObject(value)) return [];
    return [invalidValue(`data[${key}]`, redacted, `json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`)];
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return [invalidValue(`data[${key}]`, redacted, error.message)];
  }
}

function typeRules(secret: JsonObject): FieldError[] {
  switch (str(secret, 'type')) {
    case 'kubernetes.io/service-account-token': {
      const name = str(obj(obj(secret, 'metadata'), 'annotations'), 'kubernetes.io/service-account.name');
      return name === '' ? [required('metadata.annotations[kubernetes.io/service-account.name]')] : [];
    }
    case 'kubernetes.io/dockercfg': return jsonKey(secret, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson': return jsonKey(secret, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth': {
      const missing = missingKeys(secret, 'username', 'password');
      return missing.length === 2 ? missing : [];
    }
    case 'kubernetes.io/ssh-auth': {
      const key = str(obj(secret, 'data'), 'ssh-privatekey');
      return key === '' ? [required('data[ssh-privatekey]')] : [];
    }
    case 'kubernetes.io/tls': return missingKeys(secret, 'tls.crt', 'tls.key');
    default: return [];
  }
}

function secret(object: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  let sizeBytes = 0;
  for (const [key, value] of entries(obj(object, 'data'))) {
    append(errors, eachInvalid(`data[${key}]`, key, configMapKeyProblems(key)));
    sizeBytes += decodedBytes(value as string | null);
  }
  if (sizeBytes > maxBytes) errors.push(tooLong('data', maxBytes));
  return [...errors, ...typeRules(object)];
}

export const configValidators: Readonly<Record<string, Validator>> = {
  configmaps: { create: configMap, update: (object, old) => [...keepImmutable(object, old, ['data', 'binaryData']), ...configMap(object)] },
  secrets: {
    create: secret,
    update: (object, old) => [
      ...(str(object, 'type') === str(old, 'type') ? [] : [invalidValue('type', str(object, 'type'), immutableText)]),
      ...keepImmutable(object, old, ['data']), ...secret(object),
    ],
  },
};
