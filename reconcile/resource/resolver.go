package resource

import "slices"

// Resolver is whom a container asks for names: those that serve its networks.
// The zero one leaves to the container whom it asks.
type Resolver struct {
	Servers []string `json:"servers,omitempty"`
	Search  []string `json:"search,omitempty"` // domains
}

// Equal says whether both ask the same.
func (r Resolver) Equal(o Resolver) bool {
	return slices.Equal(r.Servers, o.Servers) && slices.Equal(r.Search, o.Search)
}
