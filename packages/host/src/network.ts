/**
 * The wire as values: a server is a function from request to response, whatever carries it.
 * TLS, HTTP/1.1, HTTP/2 and the simulated wire are adapters behind `Network`.
 */

/** Lower-case names. A list stands for a header that was or is to be sent several times. */
export type HeaderMap = Readonly<Record<string, string | readonly string[]>>;
export type ByteSource = AsyncIterable<Uint8Array>;

/** What a verified client certificate says. In simulation a certificate is this object as JSON. */
export interface PeerCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Hex SHA-256 of the DER bytes; empty in simulation. */
  readonly fingerprint: string;
  readonly notAfterMs: number;
  /** Fingerprints of the authorities up to the root by which it was verified; absent in simulation. */
  readonly issuerFingerprints?: readonly string[];
  /** Hex, upper case, as X.509 tools print it. */
  readonly serialNumber?: string;
  /** DNS names and IP addresses it is good for. */
  readonly subjectAltNames?: readonly string[];
}

export interface Peer {
  /** `ip:port` of the other side. */
  readonly address: string;
  /** Present only if it was verified against the listener's client CA. */
  readonly certificate?: PeerCertificate;
}

/** A duplex of raw bytes, after an upgrade or a dial. */
export interface ByteStream {
  /** Ends when the other side has half-closed; throws NetworkError when the connection breaks. One consumer. */
  readonly readable: ByteSource;
  /** Resolves when the transport takes more (back pressure); rejects with NetworkError when it is gone. */
  write(data: Uint8Array): Promise<void>;
  /** Half-close, after everything written so far. */
  end(): Promise<void>;
  /** At once, both directions. Idempotent. */
  destroy(): void;
  readonly peer: Peer;
}

/** Callbacks of a ByteChannel; they must not throw. Nothing is called after `closed`. */
export interface ChannelEvents {
  data(chunk: Uint8Array): void;
  /** After `write` has answered false: it takes more. */
  drained(): void;
  /** The other side will send nothing more. */
  ended(): void;
  /** Both directions are over, by whichever side. */
  closed(): void;
}

/** A duplex of raw bytes with callbacks, for protocols that frame by themselves and cannot spend a promise a chunk. */
export interface ByteChannel {
  readonly peer: Peer;
  /** To be called once, at once by whoever gets it. */
  open(events: ChannelEvents): void;
  /**
   * All parts together, in order. They must not change before `written` is called, which it never is if the connection breaks first.
   * False: it is full, `drained` will come. Ignored once it is closed.
   */
  write(parts: readonly Uint8Array[], written?: () => void): boolean;
  /** `data` may still be called for what has been read. */
  pause(): void;
  resume(): void;
  /** Half-close, after everything written so far. */
  end(): void;
  /** At once, both directions. Idempotent. */
  destroy(): void;
}

/** Takes over connections of a listener as raw bytes. */
export interface ChannelServer {
  accept(channel: ByteChannel): void;
  /** The listener closes: finish what runs, take no more. */
  shutdown(): void;
}

export interface HttpRequest {
  readonly method: string;
  /** Path and query exactly as sent: `/api/v1/pods?limit=1`. */
  readonly target: string;
  readonly headers: HeaderMap;
  /** One consumer. Not reading it applies back pressure. Throws NetworkError if the client goes away in the middle. */
  readonly body: ByteSource;
  readonly peer: Peer;
  readonly httpVersion: '1.1' | '2';
  /** Aborts when the client has gone away or the listener is closed by force. */
  readonly signal: AbortSignal;
  /** True if the client asked for `Connection: Upgrade` (HTTP/1.1 only). */
  readonly upgradeRequested: boolean;
}

/** What carries several sinks. */
export interface Wire {
  /** What was written leaves now rather than with all else of this turn. For who has much to say on many wires, one after the other. */
  flush(): void;
}

export interface ByteSink {
  readonly wire?: Wire | undefined;
  /** False: it is full, and the source's `drained` will be called; `data` must not change until then. Ignored once the client has gone. */
  write(data: Uint8Array): boolean;
  end(): void;
}

/**
 * A body that can push what it has when it has it, which costs no promise a chunk. Whoever sends it either iterates it or calls `start`,
 * once. Its methods must not throw.
 */
export interface PushSource extends ByteSource {
  start(sink: ByteSink): void;
  drained(): void;
  /** The client has gone. */
  stop(): void;
}

export function isPushSource(body: ByteSource): body is PushSource {
  return 'start' in body && typeof body.start === 'function';
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: HeaderMap;
  /** If it is iterated, chunks are sent (and flushed) as they come; `return()` is called when the client has gone. */
  readonly body?: Uint8Array | ByteSource;
  /** Asked for after the body has ended (HTTP/2; gRPC's status travels here). */
  readonly trailers?: () => HeaderMap;
  /** With status 101: called once with the raw connection after the head was sent. */
  readonly upgrade?: (stream: ByteStream) => void;
}

/** Must not reject: a handler answers its own errors. If it does reject, the adapter answers 500 and logs. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface ServerTls {
  readonly certPem: string;
  readonly keyPem: string;
  /** CA bundle for client certificates. */
  readonly clientCaPem?: string;
  /** `require`: no certificate, no connection. `request`: verified if sent; an unverifiable one counts as none. */
  readonly clientCertificate?: 'none' | 'request' | 'require';
  /** Default: TLSv1.2 and newer. */
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /** Suites by OpenSSL's names, colons between them. */
  readonly ciphers?: string;
  /** Further certificates by the name that a client asks for; `*.a` stands for one label. The first that fits. */
  readonly byServerName?: readonly { readonly names: readonly string[]; readonly certPem: string; readonly keyPem: string }[];
}

export interface ServeOptions {
  /** `0.0.0.0` and `::` are allowed; port 0 chooses a free one. */
  readonly address: string;
  readonly port: number;
  /** Absent: plain HTTP (HTTP/2 then with prior knowledge). */
  readonly tls?: ServerTls;
  /** Gets the connections that speak HTTP/2 (by ALPN, or by its preface); HTTP/1.1 on the same port still goes to the handler. */
  readonly http2?: ChannelServer;
  /** With TLS: HTTP/2 is not offered. */
  readonly http1Only?: boolean;
  /** Other processes may listen on the same port (SO_REUSEPORT); the kernel shares out connections. */
  readonly reusePort?: boolean;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** New connections use it; old ones go on. */
  updateTls(tls: ServerTls): void;
  /** Stops accepting, lets running requests finish for `graceMs`, then breaks them. */
  close(graceMs?: number): Promise<void>;
}

export interface ClientTls {
  /** Absent: the system's authorities. */
  readonly caPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  /** Name to verify instead of the URL's host. */
  readonly serverName?: string;
  readonly insecureSkipVerify?: boolean;
}

export interface ConnectOptions {
  readonly address: string;
  readonly port: number;
  readonly tls?: ClientTls;
  /** With TLS: a connection on which the server chooses none of them is refused with kind `protocol`. */
  readonly alpn?: readonly string[];
  readonly signal?: AbortSignal;
  /** What `data` is given may be overwritten when it returns: no fresh memory a read. For who keeps nothing of it. */
  readonly briefReads?: boolean;
}

export interface OutgoingRequest {
  /** `https://host:port/path?query` or `http://…` */
  readonly url: string;
  readonly method: string;
  readonly headers?: HeaderMap;
  readonly body?: Uint8Array | ByteSource;
  /** Connections are pooled by (origin, this object's identity): keep one object as long as the identity lasts. */
  readonly tls?: ClientTls;
  /** Default '1.1' for http:, '2' (by ALPN, falling back to 1.1) for https:. '2' on http: means prior knowledge. */
  readonly httpVersion?: '1.1' | '2';
  readonly signal?: AbortSignal;
  /** Sends `Connection: Upgrade` over a connection of its own; the response then has `upgraded` if status is 101. */
  readonly upgrade?: boolean;
}

export interface IncomingResponse {
  readonly status: number;
  readonly headers: HeaderMap;
  /** One consumer; stopping early cancels the request. */
  readonly body: ByteSource;
  /** Settles after the body has ended. */
  readonly trailers: Promise<HeaderMap>;
  readonly upgraded?: ByteStream;
}

export type NetworkErrorKind = 'refused' | 'unreachable' | 'reset' | 'timeout' | 'tls' | 'aborted' | 'name-not-found' | 'address-in-use' | 'protocol';

export class NetworkError extends Error {
  readonly kind: NetworkErrorKind;
  constructor(kind: NetworkErrorKind, message: string) {
    super(message);
    this.name = 'NetworkError';
    this.kind = kind;
  }
}

export interface DatagramSocket {
  readonly address: string;
  readonly port: number;
  readonly messages: AsyncIterable<{ readonly data: Uint8Array; readonly address: string; readonly port: number }>;
  send(data: Uint8Array, address: string, port: number): Promise<void>;
  close(): Promise<void>;
}

export interface Network {
  serveHttp(options: ServeOptions, handler: HttpHandler): Promise<Listener>;
  /** Rejects with NetworkError when no response head came. Any status is a response. */
  fetch(request: OutgoingRequest): Promise<IncomingResponse>;
  dial(address: string, port: number, options?: { readonly signal?: AbortSignal }): Promise<ByteStream>;
  /** As `dial`, with TLS if asked for, as callbacks. */
  connect(options: ConnectOptions): Promise<ByteChannel>;
  serveStream(options: { readonly address: string; readonly port: number }, accept: (stream: ByteStream) => void): Promise<Omit<Listener, 'updateTls'>>;
  bindDatagram(options: { readonly address: string; readonly port: number }): Promise<DatagramSocket>;
}
