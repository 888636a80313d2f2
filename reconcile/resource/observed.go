package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Observed is one container as it really is at one moment: asked from liblxc
// and the kernel, never from a record.
type Observed struct {
	Name    string `json:"name"`
	Defined bool   `json:"defined"`         // liblxc knows it: a config is there
	Owner   string `json:"owner,omitempty"` // uuid in the config's header; "" where strake did not make it
	State   State  `json:"state"`
	Init    int    `json:"-"` // pid on the host; 0 when not up
	Started uint64 `json:"started,omitempty"`

	// Have holds what an init that is up shows: id map, limits, interfaces,
	// mounts, environment. Settings that only a record can tell are empty.
	Have Container `json:"have"`

	// Text is the LXC configuration of a container that is to be taken over.
	Text string `json:"text,omitempty"`

	// Config lists the lines of the LXC configuration on disk that are not
	// as the current generation wrote them, by path `config["key"]`.
	Config []Setting `json:"config,omitempty"`
}

// Basis identifies what was observed: two equal ones mean that a plan made
// for one holds for the other.
func (o Observed) Basis() string { return Digest(o) }

// Digest identifies a value by its JSON form: 64 hex digits of SHA-256.
func Digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("resource: no JSON form: " + err.Error()) // only plain values get here
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
