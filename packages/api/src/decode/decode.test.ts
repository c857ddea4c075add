import { describe, expect, test } from 'vitest';
import { findResource } from '../description/resources.ts';
import { stringifyObject } from '../json/encode.ts';
import type { ApiResource } from '../resource.ts';
import { canonicalBase64, canonicalMicroTime, canonicalTime, decodeBody, decodeObject, formatDuration, parseDuration } from './index.ts';

const deployments = findResource('apps', 'v1', 'deployments') as ApiResource;
const pod = 'io.k8s.api.core.v1.Pod';

function decode(resource: ApiResource, text: string): ReturnType<typeof decodeBody> {
  return decodeBody(resource, new TextEncoder().encode(text), 'Strict');
}

describe('types that do not fit', () => {
  /** Go's words: innermost struct, whole path without indices and map keys, Go's name of the type. */
  test.each([
    ['{"spec":{"replicas":"3"}}', 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    ['{"spec":{"replicas":1.5}}', 'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    ['{"spec":{"replicas":1.0}}', 'json: cannot unmarshal number 1.0 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    ['{"spec":{"replicas":3000000000}}', 'json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    ['{"spec":[]}', 'json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    ['{"spec":{"template":{"spec":{"containers":{}}}}}', 'json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container'],
    ['{"spec":{"template":{"spec":{"containers":[{"env":[{"name":"a","value":1}]}]}}}}', 'json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string'],
    ['{"spec":{"template":{"spec":{"containers":[{"ports":[{"containerPort":"80"}]}]}}}}', 'json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32'],
    ['{"spec":{"template":{"spec":{"restartPolicy":true}}}}', 'json: cannot unmarshal bool into Go struct field PodSpec.spec.template.spec.restartPolicy of type v1.RestartPolicy'],
    ['{"metadata":{"labels":{"a":true}}}', 'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string'],
    ['{"metadata":{"creationTimestamp":"now"}}', 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
    ['{"spec":{"strategy":{"rollingUpdate":{"maxSurge":true}}}}', 'json: cannot unmarshal bool into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32'],
    ['{"metadata":{"creationTimestamp":5}}', 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string'],
  ])('%s', (text, message) => {
    expect(() => decode(deployments, text)).toThrow(`Deployment in version "v1" cannot be handled as a Deployment: ${message}`);
  });

  test.each([
    ['', 'json parse error: unexpected end of JSON input (<empty>)'],
    ['{"kind":"Pod"', 'json parse error: unexpected end of JSON input ({"kind":"Pod")'],
    ['hello', "json parse error: invalid character 'h' looking for beginning of value (68656c6c6f)"],
    ['{"kind":7}', 'json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":7})'],
  ])('%j is not even an object', (text, message) => {
    expect(() => decode(deployments, text)).toThrow(`the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; ${message}`);
  });

  test('another version of the kind', () => {
    expect(() => decode(deployments, '{"kind":"Deployment","apiVersion":"apps/v1beta1"}')).toThrow('the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)');
  });
});

describe('strict decoding', () => {
  test('names every unknown and duplicate field with its path', () => {
    const text = '{"kind":"Deployment","apiVersion":"apps/v1","spec":{"template":{"spec":{"containers":[{"name":"a","foo":1,"name":"b"}]}},"bar":{}},"bar":1}';
    expect(decodeObject(deployments.typeName, text).strictErrors).toEqual([
      'unknown field "spec.template.spec.containers[0].foo"', 'duplicate field "spec.template.spec.containers[0].name"', 'unknown field "spec.bar"', 'unknown field "bar"',
    ]);
  });

  test('what has no type may hold anything', () => {
    const text = '{"data":{"a":1,"a":2,"b":{"c":null}}}';
    const { object, strictErrors } = decodeObject('io.k8s.api.apps.v1.ControllerRevision', text);
    expect(strictErrors).toEqual([]);
    expect(object['data']).toEqual({ a: 2, b: { c: null } });
  });
});

describe('normal form', () => {
  test('is what a Go server would write', () => {
    const text = '{"spec":{"containers":[{"resources":{"limits":{"cpu":"1000m","memory":0.5}},"name":"a","command":[],"stdin":false,"env":[{"name":"x","value":""}]}],"nodeName":"","volumes":null},"metadata":{"labels":{"b":null,"a":"<&>"}}}';
    const { object } = decodeObject(pod, text);
    expect(stringifyObject(pod, object)).toBe(
      String.raw`{"metadata":{"creationTimestamp":null,"labels":{"a":"\u003c\u0026\u003e","b":""}},"spec":{"containers":[{"name":"a","env":[{"name":"x"}],"resources":{"limits":{"cpu":"1","memory":"500m"}}}]},"status":{}}`,
    );
  });

  test('decoding it again changes nothing', () => {
    const once = decodeObject(pod, '{"spec":{"containers":[{"name":"a","readinessProbe":{"httpGet":{"port":"web"}}}]}}').object;
    expect(decodeObject(pod, stringifyObject(pod, once)).object).toEqual(once);
  });

  test('values', () => {
    expect(canonicalTime('2026-01-02T03:04:05.9+02:00')).toBe('2026-01-02T01:04:05Z');
    expect(canonicalMicroTime('2026-01-02T03:04:05.100000+02:00')).toBe('2026-01-02T01:04:05.100000Z');
    expect(() => canonicalMicroTime('2026-01-02T03:04:05Z')).toThrow('parsing time "2026-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"');
    expect(() => canonicalTime('2026-13-02T03:04:05Z')).toThrow('parsing time "2026-13-02T03:04:05Z": month out of range');
    expect(() => canonicalTime('2026-02-30T03:04:05Z')).toThrow('day out of range');
    expect(canonicalBase64('YQ==\n')).toBe('YQ==');
    expect(canonicalBase64('YR==')).toBe('YQ==');
    expect(() => canonicalBase64('YQ=')).toThrow('illegal base64 data at input byte 3');
    expect(() => canonicalBase64('Y')).toThrow('illegal base64 data at input byte 0');
    expect(() => canonicalBase64('YWJ$')).toThrow('illegal base64 data at input byte 3');
    expect(formatDuration(parseDuration('90m'))).toBe('1h30m0s');
    expect(formatDuration(parseDuration('1.5s'))).toBe('1.5s');
    expect(formatDuration(parseDuration('100ms'))).toBe('100ms');
    expect(() => parseDuration('1')).toThrow('time: missing unit in duration "1"');
  });
});
