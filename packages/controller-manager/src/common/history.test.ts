import { expect, test } from 'vitest';
import { revisionData } from './history.ts';

/** Upstream writes it by way of a map, whose fields Go sorts; its clients compare the bytes. */
test('what a revision holds has its fields in the order in which Go writes maps', () => {
  const template = {
    metadata: { creationTimestamp: null as unknown as string, labels: { b: '1', a: '2' } },
    spec: { containers: [{ name: 'app', image: 'i', ports: [{ containerPort: 9376, protocol: 'TCP' }], resources: {}, imagePullPolicy: 'IfNotPresent' }], restartPolicy: 'Always', dnsPolicy: 'ClusterFirst' },
  };
  expect(JSON.stringify(revisionData(template))).toBe('{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"a":"2","b":"1"}},'
    + '"spec":{"containers":[{"image":"i","imagePullPolicy":"IfNotPresent","name":"app","ports":[{"containerPort":9376,"protocol":"TCP"}],"resources":{}}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always"}}}}');
});
