import { Client, credentials, status as grpcStatus } from '@grpc/grpc-js';
import { concatBytes } from '@coxswain/host';
import type { KmsService } from '../encryption/kms.ts';
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

/** A plugin of version 2 on a unix socket. Connects when it is first asked, and again when the socket comes back. */
export function connectKms(endpoint: string, timeoutMs: number): KmsService {
  const client = new Client(target(endpoint), credentials.createInsecure(), { 'grpc.default_authority': 'localhost', 'grpc.max_reconnect_backoff_ms': 5000, 'grpc.initial_reconnect_backoff_ms': 200 });
  const call = (method: string, request: Uint8Array): Promise<WireFields> => new Promise((resolve, reject) => {
    client.makeUnaryRequest<Uint8Array, WireFields>(
      `/v2.KeyManagementService/${method}`, (value) => Buffer.from(value), readFields, request, { deadline: Date.now() + timeoutMs },
      (error, fields) => {
        if (error !== null) reject(new Error(`rpc error: code = ${codeName(error.code)} desc = ${error.details}`, { cause: error }));
        else if (fields === undefined) reject(new Error('the plugin answered nothing'));
        else resolve(fields);
      },
    );
  });
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
    close: () => client.close(),
  };
}
