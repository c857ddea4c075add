import { StatusError } from '@coxswain/api';

export type MediaType = 'json' | 'yaml' | 'protobuf';

export const contentTypeOf: Readonly<Record<MediaType, string>> = {
  json: 'application/json', yaml: 'application/yaml', protobuf: 'application/vnd.kubernetes.protobuf',
};

export interface Transform {
  readonly kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  readonly version: 'v1' | 'v1beta1';
}

export interface Negotiated {
  readonly mediaType: MediaType;
  readonly transform: Transform | undefined;
  /** Two spaces of indentation: asked for by query, or a browser or curl is reading. */
  readonly pretty: boolean;
}

export interface AcceptClause {
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
  readonly quality: number;
}

function clauseOf(part: string): AcceptClause | undefined {
  const [head = '', ...rest] = part.trim().split(';');
  const [main = '', sub = main.trim() === '*' ? '*' : '', ...more] = head.split('/');
  if (sub === '' || more.length > 0) return undefined;
  const params = new Map<string, string>();
  let quality = 1;
  for (const piece of rest) {
    const [name = '', value = '', ...over] = piece.split('=');
    if (value === '' || over.length > 0) continue;
    if (name.trim() === 'q') quality = /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : 0;
    else params.set(name.trim(), value.trim());
  }
  return { type: `${main.trim()}/${sub.trim()}`, params, quality };
}

function goesBefore(a: AcceptClause, b: AcceptClause): boolean {
  if (a.quality > b.quality) return true;
  if (!a.type.startsWith('*/') && b.type.startsWith('*/')) return true;
  return !a.type.endsWith('/*') && b.type.endsWith('/*');
}

/** Clauses by falling quality, wildcards behind what they cover; otherwise as sent. The order is no total one, so how it is sorted matters: by insertion. */
export function parseAccept(header: string): AcceptClause[] {
  const clauses: AcceptClause[] = [];
  for (const part of header.split(',')) {
    const clause = clauseOf(part);
    if (clause === undefined) continue;
    let at = clauses.length;
    while (at > 0 && goesBefore(clause, clauses[at - 1] as AcceptClause)) at -= 1;
    clauses.splice(at, 0, clause);
  }
  return clauses;
}

const maxRemembered = 64;
const maxRememberedLength = 256;
const remembered = new Map<string, readonly AcceptClause[]>();

/** Clients say the same with each request. */
function clausesOf(header: string): readonly AcceptClause[] {
  const known = remembered.get(header);
  if (known !== undefined) return known;
  const clauses = parseAccept(header);
  if (remembered.size >= maxRemembered) remembered.clear();
  if (header.length <= maxRememberedLength) remembered.set(header, clauses);
  return clauses;
}

const mediaTypes = ['json', 'yaml', 'protobuf'] as const satisfies readonly MediaType[];

function covers(clause: AcceptClause, media: MediaType): boolean {
  return clause.type === contentTypeOf[media] || clause.type === 'application/*' || clause.type === '*/*';
}

/** undefined: the clause asks for a form that this endpoint has not. */
function transformOf(clause: AcceptClause, media: MediaType, allowed: boolean): { transform: Transform | undefined } | undefined {
  const [kind, group, version] = [clause.params.get('as'), clause.params.get('g'), clause.params.get('v')];
  if (kind === undefined && group === undefined && version === undefined) return { transform: undefined };
  const known = kind === 'Table' || kind === 'PartialObjectMetadata' || kind === 'PartialObjectMetadataList';
  if (!allowed || !known || group !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  if (kind === 'Table' && media === 'protobuf') return undefined;
  return { transform: { kind, version } };
}

/** Only what can be cut into events can be streamed. */
function streamable(clause: AcceptClause, media: MediaType): boolean {
  const stream = clause.params.get('stream');
  return stream === undefined || (stream === 'watch' && media !== 'yaml');
}

export function notAcceptable(supported: readonly string[]): StatusError {
  return new StatusError('NotAcceptable', `only the following media types are accepted: ${supported.join(', ')}`);
}

export interface AcceptOptions {
  /** Table and PartialObjectMetadata are on offer. */
  readonly transforms: boolean;
  /** Custom resources have no protobuf form of their own. */
  readonly protobuf: boolean;
}

export interface AcceptSource {
  readonly accept: string;
  readonly userAgent: string;
  readonly query: URLSearchParams;
}

const trueTexts = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

function wantsPretty(source: AcceptSource): boolean {
  const asked = source.query.get('pretty') ?? '';
  if (asked !== '') return trueTexts.has(asked);
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test(source.userAgent);
}

/** undefined: nothing that is asked for is on offer. */
function choose(source: AcceptSource, options: AcceptOptions): Negotiated | undefined {
  const pretty = wantsPretty(source);
  if (source.accept === '') return { mediaType: 'json', transform: undefined, pretty };
  for (const clause of clausesOf(source.accept)) {
    for (const mediaType of mediaTypes) {
      if (!covers(clause, mediaType) || !streamable(clause, mediaType)) continue;
      const found = transformOf(clause, mediaType, options.transforms);
      if (found === undefined || (mediaType === 'protobuf' && !options.protobuf && found.transform === undefined)) continue;
      return { mediaType, transform: found.transform, pretty: pretty || clause.params.get('pretty') === '1' };
    }
  }
  return undefined;
}

export function negotiate(source: AcceptSource, options: AcceptOptions): Negotiated {
  const chosen = choose(source, options);
  if (chosen === undefined) throw notAcceptable(Object.values(contentTypeOf));
  return chosen;
}

/** What an error is told in; undefined: nothing that was asked for. */
export function negotiateError(source: AcceptSource): Negotiated | undefined {
  return choose(source, { transforms: false, protobuf: true });
}

/** For a watch. */
export function negotiateStream(source: AcceptSource, options: AcceptOptions): Negotiated {
  const chosen = choose(source, options);
  if (chosen === undefined) throw notAcceptable(Object.values(contentTypeOf));
  if (chosen.mediaType === 'yaml') throw notAcceptable([`${contentTypeOf.json};stream=watch`, `${contentTypeOf.protobuf};stream=watch`]);
  return chosen;
}
