package main

import (
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var extensionCases = []testCase{{"custom-resource", customResource}}

func definition(group string) *apiextensionsv1.CustomResourceDefinition {
	one := float64(1)
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped, Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true, Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
					"spec": {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
						"size": {Type: "integer", Minimum: &one, Default: &apiextensionsv1.JSON{Raw: []byte("7")}}, "note": {Type: "string"},
					}},
					"status": {Type: "object", XPreserveUnknownFields: &[]bool{true}[0]},
				}}},
			}},
		},
	}
}

func customResource(r *run) {
	group := strings.ReplaceAll(r.namespace, "-", "") + ".example.com"
	definitions := must(apiextensions.NewForConfig(r.config)).ApiextensionsV1().CustomResourceDefinitions()
	must(definitions.Create(r.ctx, definition(group), metav1.CreateOptions{}))
	eventually(r, "the definition is established", func() bool {
		for _, condition := range must(definitions.Get(r.ctx, "widgets."+group, metav1.GetOptions{})).Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true
			}
		}
		return false
	})
	widgets := r.dynamic.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: "widgets"}).Namespace(r.namespace)
	w := must(widgets.Watch(r.ctx, metav1.ListOptions{}))
	defer w.Stop()
	widget := func(name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": group + "/v1", "kind": "Widget", "metadata": map[string]any{"name": name}, "spec": spec}}
	}
	made := must(widgets.Create(r.ctx, widget("a", map[string]any{"note": "x", "unknown": true}), metav1.CreateOptions{}))
	size, _, _ := unstructured.NestedInt64(made.Object, "spec", "size")
	_, unknown, _ := unstructured.NestedFieldNoCopy(made.Object, "spec", "unknown")
	expect(size == 7 && !unknown, "defaulted and pruned: %v", made.Object)
	_, err := widgets.Create(r.ctx, widget("b", map[string]any{"size": int64(0)}), metav1.CreateOptions{})
	expect(apierrors.IsInvalid(err) && strings.Contains(err.Error(), "spec.size"), "below the minimum: %v", err)
	made.Object["status"] = map[string]any{"seen": true}
	written := must(widgets.UpdateStatus(r.ctx, made, metav1.UpdateOptions{}))
	expect(written.GetGeneration() == 1, "status counted as a generation")
	expect(next(r, w) == "ADDED a" && next(r, w) == "MODIFIED a", "the watch")
	ok(definitions.Delete(r.ctx, "widgets."+group, metav1.DeleteOptions{}))
	eventually(r, "the kind is gone", func() bool {
		_, err := widgets.List(r.ctx, metav1.ListOptions{})
		return apierrors.IsNotFound(err)
	})
}
