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

/** Clauses by falling quality; equal ones in the order sent. */
export function parseAccept(header: string): AcceptClause[] {
  const clauses: AcceptClause[] = [];
  for (const part of header.split(',')) {
    const [type = '', ...rest] = part.split(';').map((piece) => piece.trim());
    if (type === '') continue;
    const params = new Map<string, string>();
    for (const piece of rest) {
      const equals = piece.indexOf('=');
      if (equals > 0) params.set(piece.slice(0, equals).trim().toLowerCase(), piece.slice(equals + 1).trim());
    }
    const quality = Number(params.get('q') ?? '1');
    clauses.push({ type: type.toLowerCase(), params, quality: Number.isFinite(quality) ? quality : 1 });
  }
  return clauses.sort((a, b) => b.quality - a.quality);
}

function mediaTypeOf(type: string): MediaType | undefined {
  if (type === '*/*' || type === 'application/*' || type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  return type === 'application/vnd.kubernetes.protobuf' ? 'protobuf' : undefined;
}

/** undefined: the clause asks for a form that this endpoint has not. */
function transformOf(clause: AcceptClause, media: MediaType, allowed: boolean): { transform: Transform | undefined } | undefined {
  const kind = clause.params.get('as');
  if (kind === undefined) return { transform: undefined };
  const version = clause.params.get('v');
  const known = kind === 'Table' || kind === 'PartialObjectMetadata' || kind === 'PartialObjectMetadataList';
  if (!allowed || !known || clause.params.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  if (kind === 'Table' && media === 'protobuf') return undefined;
  return { transform: { kind, version } };
}

export function notAcceptable(supported: readonly string[]): StatusError {
  return new StatusError('NotAcceptable', `only the following media types are accepted: ${supported.join(', ')}`);
}

export interface AcceptOptions {
  /** Table and PartialObjectMetadata are on offer. */
  readonly transforms: boolean;
  /** Custom resources have no protobuf form. */
  readonly protobuf: boolean;
}

export interface AcceptSource {
  readonly accept: string;
  readonly userAgent: string;
  readonly query: URLSearchParams;
}

function wantsPretty(source: AcceptSource): boolean {
  const asked = source.query.get('pretty');
  if (asked !== null) return asked !== 'false' && asked !== '0';
  return /^(curl|Wget|Mozilla)/.test(source.userAgent);
}

export function negotiate(source: AcceptSource, options: AcceptOptions): Negotiated {
  const pretty = wantsPretty(source);
  const clauses = parseAccept(source.accept);
  if (clauses.length === 0) return { mediaType: 'json', transform: undefined, pretty };
  for (const clause of clauses) {
    const mediaType = mediaTypeOf(clause.type);
    if (mediaType === undefined || (mediaType === 'protobuf' && !options.protobuf)) continue;
    const found = transformOf(clause, mediaType, options.transforms);
    if (found !== undefined) return { mediaType, transform: found.transform, pretty };
  }
  const supported = [contentTypeOf.json, contentTypeOf.yaml, ...(options.protobuf ? [contentTypeOf.protobuf] : [])];
  throw notAcceptable(supported);
}
