import { expect, test } from 'vitest';
import { findConflict, parseListeners } from './listeners.ts';

// As proc(5) writes them: 0.0.0.0:6443 listening, 127.0.0.1:2379 listening, an established connection on 10250.
const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3001 1 0000000000000000 100 0 0 10 0
   1: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3002 1 0000000000000000 100 0 0 10 0
   2: 0100007F:280A 0100007F:E000 01 00000000:00000000 00:00000000 00000000     0        0 3003 1 0000000000000000 20 4 30 10 -1
`;
const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4001 1 0000000000000000 100 0 0 10 0
`;

const want = (address: string, port: number) => [{ address, port, advice: 'x' }];

test.each([
  ['10.89.0.1', 6443, '3001'],
  ['127.0.0.1', 2379, '3002'],
  ['10.89.0.1', 2379, undefined],
  ['127.0.0.1', 10250, undefined],
  ['127.0.0.1', 8080, '4001'],
  ['127.0.0.1', 8081, undefined],
])('%s:%d', (address, port, inode) => {
  expect(findConflict(want(address, port), [...parseListeners(tcp), ...parseListeners(tcp6)])?.listener.inode).toBe(inode);
});
