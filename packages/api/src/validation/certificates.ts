/** CertificateSigningRequests. */
import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { get, obj, objects, optionalNumber, str, strings } from './access.ts';
import { each } from './common.ts';
import { duplicate, eachInvalid, forbiddenField, goText, invalidValue, notSupported, required, tooLong, type GoText } from './errors.ts';
import { dns1123Label, dns1123Subdomain } from './formats.ts';
import type { Validator } from './validator.ts';
import { DerError } from './x509/der.ts';
import { isLargeRequest, maxRequestBytes, readSigningRequest, signatureProblem, type VerifySignature } from './x509/signing-request.ts';

const keyUsages: readonly string[] = [
  'any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only', 'digital signature', 'email protection', 'encipher only',
  'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping',
];
const decisions = ['Approved', 'Denied'];
const final = [...decisions, 'Failed'];
const legacySigner = 'kubernetes.io/legacy-unknown';

/** Go's `%#v` of bytes. */
function goBytes(bytes: Uint8Array | undefined): GoText {
  return goText(bytes === undefined ? '[]byte(nil)' : `[]byte{${Array.from(bytes, (byte) => `0x${byte.toString(16)}`).join(', ')}}`);
}

/** `verify`: of a new one also the signature, by which it shows that it has the key. */
function requestErrors(spec: JsonObject | undefined, verify?: VerifySignature): FieldError[] {
  const base64 = str(spec, 'request');
  if (isLargeRequest(base64)) return [tooLong('spec.request', maxRequestBytes)];
  const refused = (problem: string | undefined): FieldError[] => (problem === undefined ? [] : [invalidValue('spec.request', goBytes(get(spec, 'request') === undefined ? undefined : Uint8Array.fromBase64(base64)), problem)]);
  try {
    const request = readSigningRequest(base64);
    return refused(verify === undefined ? undefined : signatureProblem(request, verify));
  } catch (error) {
    if (error instanceof DerError) return refused(error.message);
    throw error;
  }
}

/** Of a dotted name only the first wrong part is told. */
function partErrors(name: string, check: (part: string) => string[], field: string): FieldError[] {
  const wrong = name.split('.').find((part) => check(part).length > 0);
  return wrong === undefined ? [] : eachInvalid(field, name, check(wrong).map((why) => `validating label ${JSON.stringify(wrong)}: ${why}`));
}

function signerNameErrors(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  const [domain = '', path, ...rest] = name.split('/');
  if (path === undefined || rest.length > 0) return [invalidValue(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  return [
    ...(domain.length > 253 ? [tooLong(field, 253)] : []), ...partErrors(domain, dns1123Label, field),
    ...(domain.includes('.') ? [] : [invalidValue(field, domain, 'should be a domain with at least two segments separated by dots')]),
    ...partErrors(path, dns1123Subdomain, field), ...(name.length > 571 ? [tooLong(field, 571)] : []),
  ];
}

function hasRepeats(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

function typesOf(request: JsonObject | undefined): string[] {
  return objects(obj(request, 'status'), 'conditions').map((one) => str(one, 'type'));
}

/** What was there before may stay. */
function usageErrors(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const [usages, before] = [strings(spec, 'usages'), strings(obj(old, 'spec'), 'usages')];
  const field = 'spec.usages';
  const known = before.every((usage) => keyUsages.includes(usage));
  return [
    ...(usages.length === 0 ? [required(field)] : []),
    ...(known ? each(usages, field, (usage, at) => (keyUsages.includes(usage) ? [] : [notSupported(at, usage, keyUsages)])) : []),
    ...(hasRepeats(before) ? [] : each(usages, field, (usage, at, index) => (usages.indexOf(usage) < index ? [duplicate(at, usage)] : []))),
  ];
}

function statusErrors(status: string, type: string, field: string): FieldError[] {
  if (status === '') return [required(field)];
  const allowed = final.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
  return allowed.includes(status) ? [] : [notSupported(field, status, allowed)];
}

function conditionErrors(request: JsonObject, old: JsonObject | undefined): FieldError[] {
  const [types, before] = [typesOf(request), typesOf(old)];
  const mayBeBoth = decisions.every((type) => before.includes(type));
  return each(objects(obj(request, 'status'), 'conditions'), 'status.conditions', (one, at, index) => {
    const type = str(one, 'type');
    const earlier = types.slice(0, index);
    const other = decisions.find((decision) => decision !== type) as string;
    const errors = type === '' && !before.includes('') ? [required(`${at}.type`)] : [];
    append(errors, statusErrors(str(one, 'status'), type, `${at}.status`));
    if (!mayBeBoth && decisions.includes(type) && earlier.includes(other)) errors.push(invalidValue(`${at}.type`, type, 'Approved and Denied conditions are mutually exclusive'));
    if (earlier.includes(type) && !hasRepeats(before)) errors.push(duplicate(`${at}.type`, type));
    return errors;
  });
}

const block = /-----BEGIN ([^-\n]*)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** Undefined: as it should be. Text may stand between the blocks. */
function certificateProblem(certificate: string): string | undefined {
  if (certificate === '') return undefined;
  const blocks = [...new TextDecoder().decode(Uint8Array.fromBase64(certificate)).matchAll(block)];
  for (const [, type = '', body = ''] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (/^[^\n]*:/.test(body)) return 'no PEM block headers are permitted';
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}

function certificateErrors(request: JsonObject, old: JsonObject | undefined): FieldError[] {
  const [now, before] = [str(obj(request, 'status'), 'certificate'), str(obj(old, 'status'), 'certificate')];
  if (old !== undefined && (now === before || certificateProblem(before) !== undefined)) return [];
  const problem = certificateProblem(now);
  return problem === undefined ? [] : [invalidValue('status.certificate', '<certificate data>', problem)];
}

function anyRequest(request: JsonObject, old?: JsonObject, verify?: VerifySignature): FieldError[] {
  const spec = obj(request, 'spec');
  const signer = str(spec, 'signerName');
  const seconds = optionalNumber(spec, 'expirationSeconds');
  return [
    ...requestErrors(spec, verify), ...usageErrors(spec, old),
    ...(signer === legacySigner && str(obj(old, 'spec'), 'signerName') !== legacySigner
      ? [invalidValue('spec.signerName', signer, 'the legacy signerName is not allowed via this API version')] : signerNameErrors(signer, 'spec.signerName')),
    ...(seconds !== undefined && seconds < 600 ? [invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)')] : []),
    ...conditionErrors(request, old), ...certificateErrors(request, old),
  ];
}

/** Who comes by which way may set what. */
function changed(request: JsonObject, old: JsonObject, way: '' | 'status' | 'approval'): FieldError[] {
  const of = (object: JsonObject, type: string): JsonObject[] => objects(obj(object, 'status'), 'conditions').filter((one) => str(one, 'type') === type);
  const field = 'status.conditions';
  const errors = final.flatMap((type) => (of(request, type).length < of(old, type).length ? [forbiddenField(field, `updates may not remove a condition of type ${JSON.stringify(type)}`)] : []));
  if (way !== 'approval') {
    append(errors, decisions.flatMap((type) => (of(request, type).length > of(old, type).length ? [forbiddenField(field, `updates may not add a condition of type ${JSON.stringify(type)}`)] : [])));
  }
  const [now, before] = [str(obj(request, 'status'), 'certificate'), str(obj(old, 'status'), 'certificate')];
  if (equalJson(now, before)) return errors;
  if (way !== 'status') return [...errors, forbiddenField('status.certificate', 'updates may not set certificate content')];
  return before === '' ? errors : [...errors, forbiddenField('status.certificate', 'updates may not modify existing certificate content')];
}

export const certificateValidators: Readonly<Record<string, Validator>> = {
  'certificatesigningrequests.certificates.k8s.io': {
    create: (request, { verifySignature }) => anyRequest(request, undefined, verifySignature),
    update: (request, old, context) => [...anyRequest(request, old), ...changed(request, old, context.subresource === 'approval' ? 'approval' : '')],
    updateStatus: (request, old) => [...anyRequest(request, old), ...changed(request, old, 'status')],
  },
};
