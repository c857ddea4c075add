package main

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
)

var readCases = []testCase{
	{"discovery", discover}, {"paging", paging}, {"selectors", selectors}, {"metadata-only", metadataOnly}, {"openapi", openAPI},
}

func discover(r *run) {
	client := must(discovery.NewDiscoveryClientForConfig(r.config))
	legacy := must(discovery.NewDiscoveryClientForConfig(r.config))
	legacy.UseLegacyDiscovery = true
	expect(must(client.ServerVersion()).Minor == "32", "version")
	groups, lists, err := client.ServerGroupsAndResources()
	ok(err)
	_, legacyLists, err := legacy.ServerGroupsAndResources()
	ok(err)
	expect(len(groups) > 15 && len(lists) == len(legacyLists), "aggregated %d lists, legacy %d", len(lists), len(legacyLists))
	count := func(lists []*metav1.APIResourceList) (total int) {
		for _, list := range lists {
			total += len(list.APIResources)
		}
		return total
	}
	expect(count(lists) == count(legacyLists), "aggregated %d resources, legacy %d", count(lists), count(legacyLists))
	preferred := must(client.ServerPreferredResources())
	found := false
	for _, list := range preferred {
		for _, resource := range list.APIResources {
			found = found || (list.GroupVersion == "apps/v1" && resource.Name == "deployments" && resource.Kind == "Deployment" && resource.Namespaced)
		}
	}
	expect(found, "no deployments among the preferred")
}

func paging(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	for at := range 23 {
		object := configMap(fmt.Sprintf("m-%02d", at), nil)
		object.Labels = map[string]string{"paged": "yes"}
		must(maps.Create(r.ctx, object, metav1.CreateOptions{}))
	}
	seen := map[string]bool{}
	options := metav1.ListOptions{Limit: 5}
	var version string
	for {
		page := must(maps.List(r.ctx, options))
		if version == "" {
			version = page.ResourceVersion
			expect(page.RemainingItemCount != nil && *page.RemainingItemCount >= 18, "remaining: %v", page.RemainingItemCount)
		}
		expect(page.ResourceVersion == version && len(page.Items) <= 5, "a page of %d at %s, first at %s", len(page.Items), page.ResourceVersion, version)
		for _, item := range page.Items {
			expect(!seen[item.Name], "twice: %s", item.Name)
			seen[item.Name] = true
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	for at := range 23 {
		expect(seen[fmt.Sprintf("m-%02d", at)], "missing %d of %d", at, len(seen))
	}
}

func selectors(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	for at, colour := range []string{"red", "green", "blue"} {
		object := configMap(fmt.Sprintf("m-%d", at), nil)
		object.Labels = map[string]string{"colour": colour}
		must(maps.Create(r.ctx, object, metav1.CreateOptions{}))
	}
	for selector, want := range map[string]int{"colour=red": 1, "colour in (red,blue)": 2, "colour!=red,colour": 2, "!colour,colour": 0} {
		got := must(maps.List(r.ctx, metav1.ListOptions{LabelSelector: selector}))
		expect(len(got.Items) == want, "%s: %d", selector, len(got.Items))
	}
	expect(len(must(maps.List(r.ctx, metav1.ListOptions{FieldSelector: "metadata.name=m-1"})).Items) == 1, "by name")
	_, err := maps.List(r.ctx, metav1.ListOptions{FieldSelector: "data.x=1"})
	expect(err != nil && strings.Contains(err.Error(), `"data.x" is not a known field selector`), "an unknown field: %v", err)
}

func metadataOnly(r *run) {
	must(r.typed.CoreV1().ConfigMaps(r.namespace).Create(r.ctx, configMap("a", map[string]string{"x": "1"}), metav1.CreateOptions{}))
	client := must(metadata.NewForConfig(r.config)).Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(r.namespace)
	got := must(client.Get(r.ctx, "a", metav1.GetOptions{}))
	expect(got.Name == "a" && got.UID != "", "%v", got.ObjectMeta)
	expect(len(must(client.List(r.ctx, metav1.ListOptions{})).Items) >= 1, "list")
}

func openAPI(r *run) {
	client := must(discovery.NewDiscoveryClientForConfig(r.config))
	document := must(client.OpenAPISchema())
	found := false
	for _, definition := range document.Definitions.AdditionalProperties {
		found = found || definition.Name == "io.k8s.api.apps.v1.Deployment"
	}
	expect(found, "no Deployment in version 2")
	paths := must(client.OpenAPIV3().Paths())
	apps, known := paths["apis/apps/v1"]
	expect(known, "no apis/apps/v1 in version 3")
	text := string(must(apps.Schema("application/json")))
	expect(strings.Contains(text, `"io.k8s.api.apps.v1.DeploymentSpec"`) && strings.Contains(text, `"progressDeadlineSeconds"`), "version 3 lacks fields")
}
