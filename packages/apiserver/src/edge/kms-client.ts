import { Client, credentials, status as grpcStatus } from '@grpc/grpc-js';
import { concatBytes } from '@coxswain/host';
import type { KmsService } from '../encryption/kms.ts';
import type { KmsV1Service } from '../encryption/kms-v1.ts';
import { bytesField, mapField, readFields, textField, type WireFields } from '../encryption/wire.ts';

/** `unix:///PATH`, or `unix:///@NAME` for an abstract socket. */
function target(endpoint: string): string {
  const path = endpoint.slice('unix://'.length);
  return path.startsWith('/@') ? `unix-abstract:${path.slice(2)}` : `unix:${path}`;
}

function codeName(code: number): string {
  const name = grpcStatus[code] ?? 'UNKNOWN';
  return name.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

interface Plugin {
  readonly call: (method: string, request: Uint8Array) => Promise<WireFields>;
  readonly close: () => void;
}

/** A plugin on a unix socket. Connects when it is first asked, and again when the socket comes back. */
function connect(endpoint: string, timeoutMs: number, service: string): Plugin {
  const client = new Client(target(endpoint), credentials.createInsecure(), { 'grpc.default_authority': 'localhost', 'grpc.max_reconnect_backoff_ms': 5000, 'grpc.initial_reconnect_backoff_ms': 200 });
  const call = (method: string, request: Uint8Array): Promise<WireFields> => new Promise((resolve, reject) => {
    client.makeUnaryRequest<Uint8Array, WireFields>(
      `/${service}/${method}`, (value) => Buffer.from(value), readFields, request, { deadline: Date.now() + timeoutMs },
      (error, fields) => {
        if (error !== null) reject(new Error(`rpc error: code = ${codeName(error.code)} desc = ${error.details}`, { cause: error }));
        else if (fields === undefined) reject(new Error('the plugin answered nothing'));
        else resolve(fields);
      },
    );
  });
  return { call, close: () => client.close() };
}

/** A plugin of version 2. */
export function connectKms(endpoint: string, timeoutMs: number): KmsService {
  const { call, close } = connect(endpoint, timeoutMs, 'v2.KeyManagementService');
  return {
    async status() {
      const fields = await call('Status', new Uint8Array(0));
      return { version: fields.text(1), healthz: fields.text(2), keyId: fields.text(3) };
    },
    async encrypt(uid, plaintext) {
      const fields = await call('Encrypt', concatBytes([bytesField(1, plaintext), textField(2, uid)]));
      return { ciphertext: fields.bytes(1), keyId: fields.text(2), annotations: fields.map(3) };
    },
    async decrypt(uid, { ciphertext, keyId, annotations }) {
      const fields = await call('Decrypt', concatBytes([bytesField(1, ciphertext), textField(2, uid), textField(3, keyId), mapField(4, annotations)]));
      return fields.bytes(1);
    },
    close,
  };
}

const v1 = 'v1beta1';

/** A plugin of version 1. Asked which version it speaks before anything else. */
export function connectKmsV1(endpoint: string, timeoutMs: number): KmsV1Service {
  const { call, close } = connect(endpoint, timeoutMs, 'v1beta1.KeyManagementService');
  let checked = false;
  const check = async (): Promise<void> => {
    if (checked) return;
    const version = (await call('Version', textField(1, v1))).text(1);
    if (version !== v1) throw new Error(`KMS provider api version ${version} is not supported, only ${v1} is supported now`);
    checked = true;
  };
  return {
    async encrypt(plain) {
      await check();
      return (await call('Encrypt', concatBytes([textField(1, v1), bytesField(2, plain)]))).bytes(1);
    },
    async decrypt(cipher) {
      await check();
      return (await call('Decrypt', concatBytes([textField(1, v1), bytesField(2, cipher)]))).bytes(1);
    },
    close,
  };
}
