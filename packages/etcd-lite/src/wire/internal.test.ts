import { utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { encodeInternal, internalId } from './internal.ts';
import type { PutRequest, TxnRequest } from './messages.ts';
import { codecs } from './schema.ts';

const put: PutRequest = { key: utf8('/a'), value: utf8('content'), lease: -5n, prevKv: true, ignoreValue: false, ignoreLease: false };
const txn: TxnRequest = { compare: [], success: [{ requestPut: put }], failure: [] };
const id = 0xfedc_ba98_0000_0001n;

test('what came over the wire goes into an entry as it is, and means the same', () => {
  const ofPut = encodeInternal({ put }, id, codecs.putRequest.encode(put));
  expect(codecs.internalRequest.decode(ofPut)).toEqual(codecs.internalRequest.decode(codecs.internalRequest.encode({ ID: id, put })));
  const ofTxn = encodeInternal({ txn }, id, codecs.txnRequest.encode(txn));
  expect(codecs.internalRequest.decode(ofTxn)).toEqual(codecs.internalRequest.decode(codecs.internalRequest.encode({ ID: id, txn })));
});

test('who asked is not left out', () => {
  const data = encodeInternal({ put, user: 'alice', authRevision: 7 }, id, codecs.putRequest.encode(put));
  expect(codecs.internalRequest.decode(data)).toMatchObject({ ID: id, user: 'alice', authRevision: 7, put: { lease: -5n } });
});

test('an entry tells its id, whichever way it was made', () => {
  expect(internalId(encodeInternal({ put }, id))).toBe(id);
  expect(internalId(encodeInternal({ put }, id, codecs.putRequest.encode(put)))).toBe(id);
  expect(internalId(new Uint8Array(0))).toBeUndefined();
});
