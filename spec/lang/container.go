package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

// containerBlock is the table of all that a container holds. A profile has
// the same settings, apart from those that only one container can have.
func (l *loader) containerBlock() *block[spec.Container] {
	return &block[spec.Container]{
		head: []string{"for_each", "name", "profiles", "unset"},
		settings: map[string]setting[spec.Container]{
			"hostname":    {read: text, set: func(c *spec.Container, _ string, v any) { c.Hostname = v.(string) }},
			"image":       {read: l.toImage, path: "image.source", set: func(c *spec.Container, _ string, v any) { c.Image = v.(*spec.Image) }},
			"running":     {read: flag, set: func(c *spec.Container, _ string, v any) { on := v.(bool); c.Running = &on }},
			"autostart":   autostartSetting(),
			"environment": environmentSetting(),
			"depends_on":  l.dependsSetting(),
			"raw":         rawSetting(),
			"egress":      egressSetting(),
		},
		blocks: map[string]*block[spec.Container]{
			"autostart": autostartBlock(),
			"idmap":     idmapBlock(),
			"nic":       nicBlock(),
			"publish":   inletBlock(),
			"limits":    limitsBlock(),
			"mount":     mountBlock(),
			"proxy":     proxyBlock(),
			"lifecycle": lifecycleBlock(),
			"system":    systemBlock(),
			"build":     buildBlock(),
			"file":      fileBlock(),
			"rootfs":    rootfsBlock(),
			"health":    healthBlock(),
			"update":    updateBlock(),

			"secret_file": secretFileBlock(),
		},
	}
}

// readContainers expands and evaluates the containers. All names are found
// first, because any container may depend on any other.
func (l *loader) readContainers(profiles, containers hcl.Blocks) {
	table := l.containerBlock()
	for _, b := range firsts(containers) {
		h := l.head(b, table)
		l.expand(h)
		l.heads[h.label] = h
	}
	l.bindContainers()
	l.readProfiles(profiles)
	n := 0
	for _, h := range l.heads {
		n += len(h.instances)
	}
	l.stack.Containers = slices.Grow(l.stack.Containers, n)
	for _, b := range firsts(containers) {
		l.instances(l.heads[b.Labels[0]], table)
	}
	slices.SortStableFunc(l.stack.Containers, func(a, b spec.Container) int { return strings.Compare(a.Name, b.Name) })
}

// head opens a container block.
func (l *loader) head(b *hcl.Block, table *block[spec.Container]) *head {
	h := &head{label: b.Labels[0], block: b}
	ahead := repeating(b.Body, table)
	if ahead == nil {
		h.body = open(l, b.Body, table, l.scope.base)
		return h
	}
	looks := func(t hcl.Traversal) bool { return t.RootName() == "each" }
	if l.hasDynamic(b.Body) && slices.ContainsFunc(expandsBy(b.Body, table), looks) {
		h.varies = true
		h.body.head = ahead
		return h
	}
	h.body = open(l, b.Body, table, l.scope.base, "each") // only with for_each settings may look at each
	return h
}

// repeating is the head of a block with for_each, for a look before the rest.
func repeating(b hcl.Body, table *block[spec.Container]) hcl.Attributes {
	if native, ok := b.(*hclsyntax.Body); ok && native.Attributes["for_each"] == nil {
		return nil // HCL takes longer to say so, for nearly all
	}
	part, _, _ := b.PartialContent(table.ahead())
	if part.Attributes["for_each"] == nil {
		return nil
	}
	return part.Attributes
}

// bindContainers makes container.NAME mean one, or with for_each an object of
// its instances.
func (l *loader) bindContainers() {
	values := make(map[string]cty.Value, len(l.heads))
	for label, h := range l.heads {
		if h.broken {
			values[label] = cty.DynamicVal // what refers to it has no mistake of its own
			continue
		}
		if !h.repeated {
			values[label] = refer(reference{kind: "container", name: label})
			continue
		}
		each := make(map[string]cty.Value, len(h.instances))
		for _, i := range h.instances {
			each[i.key] = refer(reference{kind: "container", name: label, key: i.key})
		}
		values[label] = cty.ObjectVal(each)
	}
	l.scope.bind("container", values)
}

// instances evaluates each instance of a block: its profiles below, itself on
// top. What does not look at each is evaluated once for all.
func (l *loader) instances(h *head, table *block[spec.Container]) {
	var fixed, varying []item[spec.Container]
	for _, it := range h.body.items {
		if it.repeats {
			varying = append(varying, it)
		} else {
			fixed = append(fixed, it)
		}
	}
	base := h.base(l, l.scope.base)
	own := lay(l, fixed, l.scope.base)
	for _, i := range h.instances {
		below := base
		if h.variesBelow() {
			below = h.base(l, i.ctx)
		}
		if h.varies {
			varying = open(l, h.block.Body, table, i.ctx, "each").items
		}
		upper := own
		if len(varying) > 0 {
			upper = own.over(lay(l, varying, i.ctx))
		}
		l.checkLocks(below, upper)
		c := spec.Container{Name: i.name, Pos: place(h.block.DefRange)}
		if h.body.head["for_each"] != nil {
			c.Group = h.label
		}
		all := below.settings.over(upper)
		c.At, c.Via = all.apply(&c), all.vias()
		l.imagePlaces(&c)
		l.stack.Containers = append(l.stack.Containers, c)
	}
}

// imagePlaces adds the place of what only an image block can say.
func (l *loader) imagePlaces(c *spec.Container) {
	if c.Image != nil && len(c.Image.Include) > 0 {
		c.At["image.include"] = c.Image.Pos
	}
}
