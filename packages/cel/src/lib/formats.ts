import { overload, type FunctionDecl } from '../functions.ts';
import { parseDate, parseTimestamp } from '../time.ts';
import { ArrayList, OpaqueValue, OptionalValue, Timestamp, optionalNone, type CelValue, type ListValue } from '../values.ts';
import { parseRequestUri } from './urls.ts';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualifiedName = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const tooLong = (limit: number): string => `must be no more than ${limit} characters`;
const regexWords = (words: string, examples: readonly string[], pattern: string): string => `${words} (e.g. ${examples.map((example) => `'${example}',  `).join('or ').replace(/,\s+$/, '')}, regex used for validation is '${pattern}')`;

const labelWords = regexWords('a lowercase RFC 1123 label must consist of lower case alphanumeric characters or \'-\', and must start and end with an alphanumeric character', ['my-name', '123-abc'], label);
const subdomainWords = regexWords('a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \'-\' or \'.\', and must start and end with an alphanumeric character', ['example.com'], subdomain);
const label1035Words = regexWords('a DNS-1035 label must consist of lower case alphanumeric characters or \'-\', start with an alphabetic character, and end with an alphanumeric character', ['my-name', 'abc-123'], label1035);
const nameWords = regexWords('must consist of alphanumeric characters, \'-\', \'_\' or \'.\', and must start and end with an alphanumeric character', ['MyName', 'my.name', '123-abc'], qualifiedName);
const valueWords = regexWords('a valid label must be an empty string or consist of alphanumeric characters, \'-\', \'_\' or \'.\', and must start and end with an alphanumeric character', ['MyValue', 'my_value', '12345'], `(${qualifiedName})?`);

type Validate = (text: string) => string[];

/** A name that is only a beginning may end with a dash. */
const asPrefix = (validate: Validate): Validate => (text) => validate(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);

const bounded = (limit: number, pattern: string, words: string): Validate => {
  const whole = new RegExp(`^${pattern}$`);
  return (text) => [...(text.length > limit ? [tooLong(limit)] : []), ...(whole.test(text) ? [] : [words])];
};

const labelOnly = bounded(63, label, labelWords);
const dottedNames = new RegExp(`^${subdomain}$`);
const dnsLabel: Validate = (text) => labelOnly(text).map((message) => (message === labelWords && dottedNames.test(text) ? 'must not contain dots' : message));
const dnsSubdomain = bounded(253, subdomain, subdomainWords);
const dns1035Label = bounded(63, label1035, label1035Words);

const qualified: Validate = (text) => {
  const parts = text.split('/');
  const errors: string[] = [];
  if (parts.length > 2) {
    return [regexWords('a qualified name must consist of alphanumeric characters, \'-\', \'_\' or \'.\', and must start and end with an alphanumeric character', ['MyName', 'my.name', '123-abc'], qualifiedName)
      + ' with an optional DNS subdomain prefix and \'/\' (e.g. \'example.com/MyName\')'];
  }
  const name = parts.at(-1) as string;
  if (parts.length === 2) {
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else for (const message of dnsSubdomain(parts[0] as string)) errors.push(`prefix part ${message}`);
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push(`name part ${tooLong(63)}`);
  if (!new RegExp(`^${qualifiedName}$`).test(name)) errors.push(`name part ${nameWords}`);
  return errors;
};

const labelValue: Validate = (text) => [...(text.length > 63 ? [tooLong(63)] : []), ...(new RegExp(`^(${qualifiedName})?$`).test(text) ? [] : [valueWords])];

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const dateTime = (text: string): boolean => parseTimestamp(text.replace(/^(\d{4}-\d\d-\d\d)[tT ]/, '$1T').replace(/z$/, 'Z')) instanceof Timestamp;

export class Format extends OpaqueValue {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly validate: Validate;
  /** What validation costs is reckoned as matching a pattern of this length. */
  readonly maxRegexSize: number;
  constructor(name: string, maxRegexSize: number, validate: Validate) {
    super();
    this.name = name;
    this.maxRegexSize = maxRegexSize;
    this.validate = validate;
  }
  equals(other: CelValue): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

const test = (holds: (text: string) => boolean, words: string): Validate => (text) => (holds(text) ? [] : [words]);

const formats: Readonly<Record<string, Format>> = {
  dns1123Label: new Format('DNS1123Label', 30, dnsLabel),
  dns1123Subdomain: new Format('DNS1123Subdomain', 60, dnsSubdomain),
  dns1035Label: new Format('DNS1035Label', 30, dns1035Label),
  qualifiedName: new Format('QualifiedName', 60, qualified),
  dns1123LabelPrefix: new Format('DNS1123LabelPrefix', 30, asPrefix(dnsLabel)),
  dns1123SubdomainPrefix: new Format('DNS1123SubdomainPrefix', 60, asPrefix(dnsSubdomain)),
  dns1035LabelPrefix: new Format('DNS1035LabelPrefix', 30, asPrefix(dns1035Label)),
  labelValue: new Format('LabelValue', 40, labelValue),
  uri: new Format('URI', 1103, (text) => {
    const parsed = parseRequestUri(text);
    return typeof parsed === 'string' ? [parsed] : [];
  }),
  uuid: new Format('uuid', 70, test((text) => uuid.test(text), 'does not match the UUID format')),
  byte: new Format('byte', 84, test((text) => base64.test(text), 'invalid base64')),
  date: new Format('date', 71, test((text) => parseDate(text) instanceof Timestamp, 'invalid date')),
  datetime: new Format('datetime', 71, test(dateTime, 'invalid datetime')),
};

const type = 'kubernetes.NamedFormat';

function validate(format: Format, text: string): CelValue {
  const messages = format.validate(text);
  return messages.length === 0 ? optionalNone : new OptionalValue(new ArrayList(messages) as ListValue);
}

export const formatFunctions: readonly FunctionDecl[] = [
  { name: 'validate', overloads: [overload('format-validate', `.(${type}, string) -> optional(list(string))`, ([format, text]) => validate(format as Format, text as string))] },
  {
    name: 'format.named', overloads: [overload('format-named', `(string) -> optional(${type})`, ([name]) => {
      const format = Object.hasOwn(formats, name as string) ? formats[name as string] : undefined;
      return format === undefined ? optionalNone : new OptionalValue(format);
    })],
  },
  ...Object.entries(formats).map(([name, format]): FunctionDecl => ({ name: `format.${name}`, overloads: [overload(`format.${name}`, `() -> ${type}`, () => format)] })),
];
