package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	clientfeatures "k8s.io/client-go/features"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

var watchCases = []testCase{{"watch", watchEvents}, {"informer", informer}, {"watch-list", watchList}, {"leases", leases}}

func next(r *run, w watch.Interface) string {
	select {
	case event, open := <-w.ResultChan():
		if !open {
			fail("the watch ended")
		}
		if object, is := event.Object.(metav1.Object); is {
			return string(event.Type) + " " + object.GetName()
		}
		return fmt.Sprintf("%s %v", event.Type, event.Object)
	case <-r.ctx.Done():
		fail("no event")
	}
	return ""
}

func watchEvents(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	list := must(maps.List(r.ctx, metav1.ListOptions{}))
	labelled := func(name, value string) *corev1.ConfigMap {
		object := configMap(name, nil)
		object.Labels = map[string]string{"watched": value}
		return object
	}
	a := must(maps.Create(r.ctx, labelled("a", "yes"), metav1.CreateOptions{}))
	must(maps.Create(r.ctx, labelled("b", "no"), metav1.CreateOptions{}))
	w := must(maps.Watch(r.ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, LabelSelector: "watched=yes"}))
	defer w.Stop()
	a.Data = map[string]string{"x": "1"}
	a = must(maps.Update(r.ctx, a, metav1.UpdateOptions{}))
	a.Labels["watched"] = "no"
	a = must(maps.Update(r.ctx, a, metav1.UpdateOptions{}))
	a.Labels["watched"] = "yes"
	must(maps.Update(r.ctx, a, metav1.UpdateOptions{}))
	ok(maps.Delete(r.ctx, "a", metav1.DeleteOptions{}))
	for _, want := range []string{"ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "DELETED a"} {
		got := next(r, w)
		expect(got == want, "wanted %s, got %s", want, got)
	}
}

// follow runs an informer over a namespace while objects come, change and go, and compares what it holds with a list.
func follow(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	for at := range 5 {
		must(maps.Create(r.ctx, configMap(fmt.Sprintf("m-%d", at), nil), metav1.CreateOptions{}))
	}
	var lock sync.Mutex
	count := map[string]int{}
	note := func(what string) {
		lock.Lock()
		defer lock.Unlock()
		count[what]++
	}
	lw := cache.NewListWatchFromClient(r.typed.CoreV1().RESTClient(), "configmaps", r.namespace, fields.Everything())
	store, controller := cache.NewInformerWithOptions(cache.InformerOptions{ListerWatcher: lw, ObjectType: &corev1.ConfigMap{}, Handler: cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { note("add") }, UpdateFunc: func(any, any) { note("update") }, DeleteFunc: func(any) { note("delete") },
	}})
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	go controller.Run(ctx.Done())
	expect(cache.WaitForCacheSync(r.ctx.Done(), controller.HasSynced), "never synced")
	object := must(maps.Get(r.ctx, "m-0", metav1.GetOptions{}))
	object.Data = map[string]string{"x": "1"}
	must(maps.Update(r.ctx, object, metav1.UpdateOptions{}))
	must(maps.Create(r.ctx, configMap("late", nil), metav1.CreateOptions{}))
	ok(maps.Delete(r.ctx, "m-1", metav1.DeleteOptions{}))
	eventually(r, "the informer has seen all", func() bool {
		lock.Lock()
		defer lock.Unlock()
		return count["add"] >= 6 && count["update"] >= 1 && count["delete"] >= 1
	})
	listed := must(maps.List(r.ctx, metav1.ListOptions{}))
	eventually(r, "the informer holds what the list has", func() bool {
		if len(store.ListKeys()) != len(listed.Items) {
			return false
		}
		for _, item := range listed.Items {
			held, exists, _ := store.GetByKey(r.namespace + "/" + item.Name)
			if !exists || held.(*corev1.ConfigMap).ResourceVersion != item.ResourceVersion {
				return false
			}
		}
		return true
	})
}

func informer(r *run) { follow(r) }

// gates overrides one of client-go's own features.
type gates struct{ clientfeatures.Gates }

func (g gates) Enabled(key clientfeatures.Feature) bool {
	return key == clientfeatures.WatchListClient || g.Gates.Enabled(key)
}

func watchList(r *run) {
	before := clientfeatures.FeatureGates()
	clientfeatures.ReplaceFeatureGates(gates{before})
	defer clientfeatures.ReplaceFeatureGates(before)
	follow(r)
}

func leases(r *run) {
	leading := make(chan string, 4)
	elect := func(ctx context.Context, name string) {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock:          &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "lead", Namespace: r.namespace}, Client: r.typed.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: name}},
			LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 300 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { leading <- name }, OnStoppedLeading: func() {}},
		})
	}
	first, stopFirst := context.WithCancel(r.ctx)
	go elect(first, "one")
	expect(<-leading == "one", "another leads")
	second, stopSecond := context.WithCancel(r.ctx)
	defer stopSecond()
	go elect(second, "two")
	stopFirst()
	select {
	case name := <-leading:
		expect(name == "two", "%s leads again", name)
	case <-r.ctx.Done():
		fail("nobody follows")
	}
}
