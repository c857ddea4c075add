import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { compareQuantity, parseQuantity, QuantityError, quantityMilliValue } from '../quantity/index.ts';
import { equalJson, isObject } from '../patch/values.ts';
import { entries, get, list, objects, optionalNumber, str, strings } from './access.ts';
import { badValue, eachInvalid, goText, invalidValue, notSupported, quote, required, type GoText } from './errors.ts';
import { dns1123Subdomain, labelValueProblems, percentProblems, portNameProblems, portNumberProblems, qualifiedNameProblems } from './formats.ts';

export const immutableText = 'field is immutable';
export const nonNegativeText = 'must be greater than or equal to 0';

export function each<T>(items: readonly T[], field: string, check: (item: T, field: string, index: number) => readonly FieldError[]): FieldError[] {
  return items.flatMap((item, index) => check(item, `${field}[${index}]`, index));
}

export function nonNegative(object: JsonObject | undefined, key: string, field: string): FieldError[] {
  const value = optionalNumber(object, key);
  return value !== undefined && value < 0 ? [invalidValue(`${field}.${key}`, value, nonNegativeText)] : [];
}

export function requireString(object: JsonObject | undefined, key: string, field: string, detail = ''): FieldError[] {
  return str(object, key) === '' ? [required(`${field}.${key}`, detail)] : [];
}

/** `empty` says what a missing value is. */
export function requireOneOf(value: string, field: string, supported: readonly string[], empty: 'required' | 'allowed' | 'unsupported'): FieldError[] {
  if (value === '' && empty !== 'unsupported') return empty === 'required' ? [required(field)] : [];
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

/** An absent value is right; an empty one is a value. */
export function oneOfIfGiven(object: JsonObject | undefined, key: string, field: string, supported: readonly string[]): FieldError[] {
  return get(object, key) === undefined ? [] : requireOneOf(str(object, key), `${field}.${key}`, supported, 'unsupported');
}

export function immutable(object: JsonObject | undefined, old: JsonObject | undefined, key: string, field: string, shown?: GoText): FieldError[] {
  const value = get(object, key);
  if (equalJson(value ?? null, get(old, key) ?? null)) return [];
  return [invalidValue(`${field}.${key}`.replace(/^\./, ''), shown ?? badValue(value), immutableText)];
}

export function portNumber(port: number, field: string): FieldError[] {
  return eachInvalid(field, port, portNumberProblems(port));
}

export function portNumberOrName(port: Json | undefined, field: string): FieldError[] {
  return typeof port === 'string' ? eachInvalid(field, port, portNameProblems(port)) : portNumber(Number(port ?? 0), field);
}

export function labelName(key: string, field: string): FieldError[] {
  return eachInvalid(field, key, qualifiedNameProblems(key));
}

// Label selectors ---------------------------------------------------------------------------------------------------

export function goStringMap(map: JsonObject | undefined): string {
  if (map === undefined) return 'map[string]string(nil)';
  return `map[string]string{${entries(map).map(([key, value]) => `${quote(key)}:${quote(value as string)}`).join(', ')}}`;
}

function goRequirement(one: JsonObject): string {
  const values = get(one, 'values') === undefined ? '[]string(nil)' : `[]string{${strings(one, 'values').map(quote).join(', ')}}`;
  return `v1.LabelSelectorRequirement{Key:${quote(str(one, 'key'))}, Operator:${quote(str(one, 'operator'))}, Values:${values}}`;
}

export function goSelector(selector: JsonObject | undefined): GoText {
  const labels = get(selector, 'matchLabels');
  const expressions = get(selector, 'matchExpressions');
  const shown = expressions === undefined ? '[]v1.LabelSelectorRequirement(nil)' : `[]v1.LabelSelectorRequirement{${objects(selector, 'matchExpressions').map(goRequirement).join(', ')}}`;
  return goText(`v1.LabelSelector{MatchLabels:${goStringMap(isObject(labels) ? labels : undefined)}, MatchExpressions:${shown}}`);
}

function checkRequirement(one: JsonObject, field: string): FieldError[] {
  const operator = str(one, 'operator');
  const errors: FieldError[] = [];
  const count = list(one, 'values').length;
  switch (operator) {
    case 'In': case 'NotIn':
      if (count === 0) errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists': case 'DoesNotExist':
      if (count > 0) errors.push({ type: 'Forbidden', field: `${field}.values`, message: "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'" });
      break;
    default: errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  append(errors, labelName(str(one, 'key'), `${field}.key`));
  for (const [index, value] of strings(one, 'values').entries()) append(errors, eachInvalid(`${field}.values[${index}]`, value, labelValueProblems(value)));
  return errors;
}

export function validateSelectorLabels(labels: JsonObject | undefined, field: string): FieldError[] {
  return entries(labels).flatMap(([key, value]) => [
    ...eachInvalid(field, key, qualifiedNameProblems(key)), ...eachInvalid(field, value as string, labelValueProblems(value as string)),
  ]);
}

export function validateLabelSelector(selector: JsonObject | undefined, field: string): FieldError[] {
  if (selector === undefined) return [];
  const labels = get(selector, 'matchLabels');
  return [
    ...validateSelectorLabels(isObject(labels) ? labels : undefined, `${field}.matchLabels`),
    ...each(objects(selector, 'matchExpressions'), `${field}.matchExpressions`, checkRequirement),
  ];
}

export function isEmptySelector(selector: JsonObject | undefined): boolean {
  return entries(get(selector, 'matchLabels') as JsonObject | undefined).length === 0 && objects(selector, 'matchExpressions').length === 0;
}

/** As a selector is compiled before it is used: its own keys and values must be right. */
function isUsable(selector: JsonObject | undefined): boolean {
  return validateLabelSelector(selector, '').length === 0;
}

/** undefined: the selector cannot be used at all. */
export function selectorMatches(selector: JsonObject | undefined, labels: JsonObject | undefined): boolean | undefined {
  if (!isUsable(selector)) return undefined;
  const value = (key: string): string | undefined => (get(labels, key) === undefined ? undefined : str(labels, key));
  if (entries(get(selector, 'matchLabels') as JsonObject | undefined).some(([key, wanted]) => value(key) !== wanted)) return false;
  for (const one of objects(selector, 'matchExpressions')) {
    const found = value(str(one, 'key'));
    const values = strings(one, 'values');
    switch (str(one, 'operator')) {
      case 'In': if (found === undefined || !values.includes(found)) return false; break;
      case 'NotIn': if (found !== undefined && values.includes(found)) return false; break;
      case 'Exists': if (found === undefined) return false; break;
      case 'DoesNotExist': if (found !== undefined) return false; break;
      default: return undefined;
    }
  }
  return true;
}

// Numbers or percents -----------------------------------------------------------------------------------------------

export function goIntOrString(value: Json): GoText {
  return goText(typeof value === 'string' ? `intstr.IntOrString{Type:1, IntVal:0, StrVal:${quote(value)}}` : `intstr.IntOrString{Type:0, IntVal:${String(value as number)}, StrVal:""}`);
}

export function nonNegativeIntOrPercent(value: Json | undefined, field: string): FieldError[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return Number(value) < 0 ? [invalidValue(field, Number(value), nonNegativeText)] : [];
  return eachInvalid(field, goIntOrString(value), percentProblems(value));
}

export function percentOf(value: Json | undefined): number | undefined {
  return typeof value === 'string' && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}

export function notMoreThan100Percent(value: Json | undefined, field: string): FieldError[] {
  const percent = percentOf(value);
  return percent !== undefined && percent > 100 ? [invalidValue(field, goIntOrString(value as Json), 'must not be greater than 100%')] : [];
}

// Quantities --------------------------------------------------------------------------------------------------------

export function quantityText(value: Json | undefined): string {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value === 'string' ? value : '0';
}

export function isNegativeQuantity(value: Json): boolean {
  return compareQuantity(quantityText(value), '0') < 0;
}

export function isPositiveQuantity(value: Json): boolean {
  return compareQuantity(quantityText(value), '0') > 0;
}

export function isWholeQuantity(value: Json): boolean {
  return quantityMilliValue(quantityText(value)) % 1000 === 0;
}

/** Shape and range were checked when the object was decoded. */
export function isQuantity(value: Json): boolean {
  try {
    parseQuantity(quantityText(value));
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

/** `acme.io/foo` */
export function domainPrefixedPath(path: string, field: string): FieldError[] {
  if (path === '') return [required(field)];
  const slash = path.indexOf('/');
  const host = path.slice(0, Math.max(slash, 0));
  if (slash <= 0 || slash === path.length - 1) return [invalidValue(field, path, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const rest = path.slice(slash + 1);
  return [...eachInvalid(field, host, dns1123Subdomain(host)), ...(/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest) ? [] : [invalidValue(field, rest, `Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`)])];
}
