package lang

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"strake/spec"
)

// readListeners reads what the agent listens to and whom it tells.
func (l *loader) readListeners(a *spec.Agent, all hcl.Attributes, top map[string]hcl.Blocks) {
	for _, b := range firsts(top["api"]) {
		a.API.Spot = readBlock(l, b, apiBlock(), &a.API)
	}
	if all["metrics"] != nil {
		a.Metrics = &spec.Metrics{}
		at := layAttributes(l, all, metricsTable()).apply(a.Metrics)
		a.Metrics.Spot = spec.Spot{Pos: at["metrics"], At: map[string]spec.Pos{"listen": at["metrics"]}}
	}
	for _, b := range firsts(top["webhook"]) {
		a.Webhook = &spec.Webhook{}
		a.Webhook.Spot = readBlock(l, b, webhookBlock(), a.Webhook)
		shareSecret(a.Webhook)
	}
	for _, b := range firsts(top["notify"]) {
		n := spec.Notify{Kind: "webhook"}
		n.Spot = readBlock(l, b, notifyBlock(), &n)
		n.Name = b.Labels[0]
		a.Notify = append(a.Notify, n)
	}
	slices.SortFunc(a.Notify, func(a, b spec.Notify) int { return strings.Compare(a.Name, b.Name) })
}

// shareSecret gives the webhook's secret to hooks without one; where there is no
// hook there is one for all.
func shareSecret(w *spec.Webhook) {
	if w.Secret == "" {
		return
	}
	if len(w.Hooks) == 0 {
		w.Hooks = []spec.Hook{{Name: "all", Forge: "generic", Path: "/hooks"}}
	}
	for i := range w.Hooks {
		w.Hooks[i].Secret = cmp.Or(w.Hooks[i].Secret, w.Secret)
	}
}

func readBlock[T any](l *loader, b *hcl.Block, table *block[T], to *T) spec.Spot {
	at := lay(l, open(l, b.Body, table, l.scope.base).items, l.scope.base).apply(to)
	return spec.Spot{Pos: place(b.DefRange), At: at}
}

// wordOf is a setting of text.
func wordOf[T any](of func(*T) *string) setting[T] {
	return setting[T]{read: text, set: func(t *T, _ string, v any) { *of(t) = v.(string) }}
}

func apiBlock() *block[spec.API] {
	return &block[spec.API]{settings: map[string]setting[spec.API]{
		"read_group":  wordOf(func(a *spec.API) *string { return &a.ReadGroup }),
		"admin_group": wordOf(func(a *spec.API) *string { return &a.AdminGroup }),
	}}
}

func metricsTable() *block[spec.Metrics] {
	return &block[spec.Metrics]{settings: map[string]setting[spec.Metrics]{"metrics": wordOf(func(m *spec.Metrics) *string { return &m.Listen })}}
}

func webhookBlock() *block[spec.Webhook] {
	return &block[spec.Webhook]{
		settings: map[string]setting[spec.Webhook]{
			"listen":      wordOf(func(w *spec.Webhook) *string { return &w.Listen }),
			"certificate": wordOf(func(w *spec.Webhook) *string { return &w.Certificate }),
			"key":         wordOf(func(w *spec.Webhook) *string { return &w.Key }),
			"secret":      wordOf(func(w *spec.Webhook) *string { return &w.Secret }),
		},
		blocks: map[string]*block[spec.Webhook]{"hook": hookBlock()},
	}
}

func hookBlock() *block[spec.Webhook] {
	on := func(of func(h *spec.Hook) *string) setting[spec.Webhook] {
		return setting[spec.Webhook]{read: text, set: func(w *spec.Webhook, label string, v any) {
			onOne(w.Hooks, func(h *spec.Hook) string { return h.Name }, label, func(h *spec.Hook) { *of(h) = v.(string) })
		}}
	}
	return &block[spec.Webhook]{
		label: "name",
		present: func(w *spec.Webhook, name string) {
			w.Hooks = append(w.Hooks, spec.Hook{Name: name, Forge: "generic", Path: "/hooks/" + name})
		},
		settings: map[string]setting[spec.Webhook]{
			"forge":  on(func(h *spec.Hook) *string { return &h.Forge }),
			"path":   on(func(h *spec.Hook) *string { return &h.Path }),
			"source": on(func(h *spec.Hook) *string { return &h.Source }),
			"secret": on(func(h *spec.Hook) *string { return &h.Secret }),
		},
	}
}

func notifyBlock() *block[spec.Notify] {
	return &block[spec.Notify]{
		label: "name",
		settings: map[string]setting[spec.Notify]{
			"kind":       wordOf(func(n *spec.Notify) *string { return &n.Kind }),
			"url":        wordOf(func(n *spec.Notify) *string { return &n.URL }),
			"url_file":   wordOf(func(n *spec.Notify) *string { return &n.URLFile }),
			"repository": wordOf(func(n *spec.Notify) *string { return &n.Repository }),
			"source":     wordOf(func(n *spec.Notify) *string { return &n.Source }),
			"template":   wordOf(func(n *spec.Notify) *string { return &n.Template }),
			"token":      wordOf(func(n *spec.Notify) *string { return &n.Token }),
			"on":         {read: texts, set: func(n *spec.Notify, _ string, v any) { n.On = v.([]string) }},
		},
	}
}
