package resource

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Secret is a value that is kept elsewhere: which one is meant, and a keyed
// digest that tells another value of it apart.
type Secret struct {
	From   string `json:"from,omitempty"`   // "secret.db"; "" for a sensitive value of the text
	Digest string `json:"digest,omitempty"` // 64 hex digits of HMAC-SHA256; "" while the host has no key
}

// SecretFile shows a secret inside, as a file in memory.
type SecretFile struct {
	Target string `json:"target"` // absolute, cleaned
	Secret
	Mode  uint32 `json:"mode"`
	Owner uint32 `json:"owner,omitempty"` // the container's ids
	Group uint32 `json:"group,omitempty"`
}

// Redacted stands for a secret wherever a value is printed.
const Redacted = "(sensitive)"

// Rotated stands for one that is to be replaced by another.
const Rotated = "(sensitive, changed)"

// setting is the secret as a value: two are equal where the digests are. Shown
// brings it into the form that people see.
func (s Secret) setting() string { return Redacted + " " + s.Digest }

// Shown is a setting's value without the digest of a secret.
func Shown(value string) string {
	if strings.HasPrefix(value, Redacted+" ") {
		return Redacted
	}
	return value
}

func (f SecretFile) settings(s *settings) {
	at := Labelled("secret_file", f.Target)
	from := f.From
	if from == "" {
		from = Redacted
	}
	s.add(at+".from", from)
	s.add(at+".content", f.setting())
	s.add(at+".mode", fmt.Sprintf("%04o", f.Mode))
	s.add(at+".owner", strconv.FormatUint(uint64(f.Owner), 10))
	s.add(at+".group", strconv.FormatUint(uint64(f.Group), 10))
}

// Secrets says whether any is brought into the container.
func (c Container) Secrets() bool { return len(c.Hidden) > 0 || len(c.SecretFiles) > 0 }

// EachSecret calls f with every secret of c and the path of its setting, in
// the same order each time. f may change it.
func (c *Container) EachSecret(f func(path string, s *Secret) error) error {
	for _, name := range slices.Sorted(maps.Keys(c.Hidden)) {
		s := c.Hidden[name]
		if err := f(Labelled("environment", name), &s); err != nil {
			return err
		}
		c.Hidden[name] = s
	}
	for i := range c.SecretFiles {
		if err := f(Labelled("secret_file", c.SecretFiles[i].Target), &c.SecretFiles[i].Secret); err != nil {
			return err
		}
	}
	if err := eachPassword(c.Egress, "egress", f); err != nil || c.Build == nil {
		return err
	}
	return eachPassword(c.Build.Egress, "build.egress", f)
}

func eachPassword(list []Egress, kind string, f func(path string, s *Secret) error) error {
	for i := range list {
		if list[i].UpstreamPassword == nil {
			continue
		}
		own := *list[i].UpstreamPassword // containers of one text share it
		if err := f(Labelled(kind, list[i].Name)+".upstream_password", &own); err != nil {
			return err
		}
		list[i].UpstreamPassword = &own
	}
	return nil
}
