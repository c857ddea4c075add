/** A value that Go's own decoder of the type refuses. The message is Go's. */
export class ValueError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ValueError';
  }
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const sixDigits = /:\d\d\.\d{6}(?:Z|[+-]\d\d:\d\d)$/;
type Element = readonly [string, RegExp];
const untilSeconds: readonly Element[] = [
  ['2006', /^\d{4}/], ['-', /^-/], ['01', /^\d\d/], ['-', /^-/], ['02', /^\d\d/], ['T', /^T/], ['15', /^\d\d/], [':', /^:/], ['04', /^\d\d/], [':', /^:/],
];
const zoneElement: Element = ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/];
interface Layout { readonly text: string; readonly elements: readonly Element[] }
const timeLayout: Layout = { text: '2006-01-02T15:04:05Z07:00', elements: [...untilSeconds, ['05', /^\d\d(?:\.\d+)?/], zoneElement] };
const microTimeLayout: Layout = { text: '2006-01-02T15:04:05.000000Z07:00', elements: [...untilSeconds, ['05', /^\d\d/], ['.000000', /^\.\d{6}/], zoneElement] };

function refuse(text: string, layout: Layout): never {
  let rest = text;
  for (const [element, pattern] of layout.elements) {
    const match = pattern.exec(rest);
    if (match === null) throw new ValueError(`parsing time ${JSON.stringify(text)} as "${layout.text}": cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`);
    rest = rest.slice(match[0].length);
  }
  throw new ValueError(`parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`);
}

function refuseRange(text: string, what: string): never {
  throw new ValueError(`parsing time ${JSON.stringify(text)}: ${what} out of range`);
}

function offsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

interface Instant { readonly seconds: string; readonly fraction: string }

function parseTime(text: string, layout: Layout): Instant {
  const match = rfc3339.exec(text);
  if (match === null) refuse(text, layout);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const zone = match[8] as string;
  if (month < 1 || month > 12) refuseRange(text, 'month');
  if (day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) refuseRange(text, 'day');
  if (hour > 23) refuseRange(text, 'hour');
  if (minute > 59) refuseRange(text, 'minute');
  if (second > 59) refuseRange(text, 'second');
  const fraction = (match[7] ?? '').slice(1);
  if (zone === 'Z') return { seconds: text.slice(0, 19), fraction };
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second);
  return { seconds: new Date(local.getTime() - offsetMs(zone)).toISOString().slice(0, 19), fraction };
}

const maxCanonical = 256;
/** Of those that came last, which are canonical: most objects of one second say the same few. */
const canonical = new Set<string>();

/** metav1.Time: UTC, whole seconds. */
export function canonicalTime(text: string): string {
  if (canonical.has(text)) return text;
  const made = `${parseTime(text, timeLayout).seconds}Z`;
  if (made !== text) return made;
  if (canonical.size >= maxCanonical) canonical.clear();
  canonical.add(text);
  return text;
}

/** metav1.MicroTime: UTC, six digits of a second, no more and no less. */
export function canonicalMicroTime(text: string): string {
  const { seconds, fraction } = parseTime(text, microTimeLayout);
  if (!sixDigits.test(text)) refuse(text, microTimeLayout);
  return `${seconds}.${fraction}Z`;
}
