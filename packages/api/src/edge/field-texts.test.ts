import { expect, test } from 'vitest';
import { builtinResources } from '../description/resources.ts';
import { fieldTexts } from './index.ts';

const texts = fieldTexts();

test('texts of types and fields, as Kubernetes documents them', () => {
  expect(texts.ofType('io.k8s.api.core.v1.Pod')).toMatch(/^Pod is a collection of containers that can run on a host\./);
  expect(texts.ofField('io.k8s.api.apps.v1.DeploymentSpec', 'replicas')).toMatch(/^Number of desired pods\./);
  expect(texts.ofField('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', 'name')).toMatch(/^Name must be unique within a namespace\./);
  expect(texts.ofField('io.k8s.api.core.v1.Pod', 'nope')).toBeUndefined();
  expect(texts.ofType('io.k8s.api.nope.v9.Nope')).toBeUndefined();
});

test('nearly every kind has one', () => {
  const silent = builtinResources.filter((resource) => texts.ofType(resource.typeName) === undefined).map((resource) => resource.kind);
  expect(silent.length, silent.join(' ')).toBeLessThan(4);
});
