package plan

// awaitCanaries holds back a group of which one that went first was rejected,
// and is still to become what it was then. Else the next in line would go
// first, and with each run one more would try what is known to be bad.
func awaitCanaries(list []ContainerPlan, subjects []Subject) {
	wentFirst := map[string]bool{}
	for _, s := range subjects {
		wentFirst[s.Name] = s.Canary
	}
	type group struct{ stack, name string }
	rejected := map[group]string{}
	for _, c := range list {
		if at := (group{c.Stack, c.Group}); c.Group != "" && c.Action == Held && wentFirst[c.Name] && rejected[at] == "" {
			rejected[at] = c.Name
		}
	}
	for i, c := range list {
		if canary := rejected[group{c.Stack, c.Group}]; canary != "" && c.Want != nil && c.Action.acts() {
			list[i] = behind(c, canary)
		}
	}
}

// behind leaves a container as it is.
func behind(c ContainerPlan, canary string) ContainerPlan {
	return ContainerPlan{
		Name: c.Name, Stack: c.Stack, Group: c.Group, Was: c.Was, From: c.From, To: c.From, UUID: c.UUID, Removed: c.Removed,
		Want: c.Want, Last: c.Last, Have: c.Have, Basis: c.Basis, Digest: c.Digest,
		Action: Held, Behind: canary,
		Note: "held: " + canary + ", which goes first of its group, is held; change the group or run `strake release " + canary + "`",
	}
}
