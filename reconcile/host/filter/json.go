package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// read takes the elements out of a listing, and returns the rest in a form
// that is the same for the same rules: without handles, and with anonymous
// sets in order (the kernel lists them by a hash of its own).
func (e entries) read(family string, text []byte) ([]byte, error) {
	var listing struct {
		Nftables []map[string]json.RawMessage `json:"nftables"`
	}
	if err := json.Unmarshal(text, &listing); err != nil {
		return nil, err
	}
	var rest []string
	for _, item := range listing.Nftables {
		for kind, raw := range item {
			if kind == "metainfo" || kind == "table" {
				continue
			}
			line, err := e.item(kind, raw)
			if err != nil {
				return nil, err
			}
			rest = append(rest, family+" "+kind+" "+line)
		}
	}
	// Rules of one chain stay in their order: it is part of what they mean.
	slices.SortStableFunc(rest, func(a, b string) int {
		return strings.Compare(rank(a), rank(b))
	})
	all, err := json.Marshal(rest)
	return all, err
}

// rank puts sets and chains in order by their text and leaves rules alone.
func rank(line string) string {
	for _, family := range families() {
		if of := family + " rule"; strings.HasPrefix(line, of) {
			return of
		}
	}
	return line
}

func (e entries) item(kind string, raw json.RawMessage) (string, error) {
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	delete(v, "handle")
	if list, ok := v["elem"].([]any); ok {
		name, _ := v["name"].(string)
		delete(v, "elem")
		for _, el := range list {
			e.element(name, el)
		}
	}
	text, err := json.Marshal(ordered(v))
	return string(text), err
}

// element reads `key`, `{"elem": {"val": key, "comment": c}}` or, in a map,
// `[key, {"goto": {"target": chain}}]`.
func (e entries) element(set string, v any) {
	var el element
	if pair, ok := v.([]any); ok && len(pair) == 2 {
		el.Verdict = verdict(pair[1])
		v = pair[0]
	}
	if m, ok := v.(map[string]any); ok && m["elem"] != nil {
		inner, _ := m["elem"].(map[string]any)
		el.Comment, _ = inner["comment"].(string)
		v = inner["val"]
	}
	if set == pub4s || set == pub6s || set == peers {
		e.add(set, plain(v), el)
		return
	}
	e.add(set, asMeant(set, keyOf(v)), el)
}

func verdict(v any) string {
	m, _ := v.(map[string]any)
	for word, arg := range m {
		if to, ok := arg.(map[string]any); ok {
			return fmt.Sprint(word, " ", to["target"])
		}
		if word == "concat" {
			return plain(v)
		}
		return word
	}
	return ""
}

// plain is a pair that has no names of interfaces. Protocols are numbers where
// the host has no list of them.
func plain(v any) string {
	m, _ := v.(map[string]any)
	parts, _ := m["concat"].([]any)
	if len(parts) != 2 {
		return fmt.Sprint(v)
	}
	first := fmt.Sprint(parts[0])
	if name, ok := map[string]string{"6": "tcp", "17": "udp"}[first]; ok {
		first = name
	}
	return join(first, fmt.Sprint(parts[1]))
}

// keyOf is a key as it was written.
func keyOf(v any) string {
	if m, ok := v.(map[string]any); ok {
		if parts, ok := m["concat"].([]any); ok && len(parts) == 2 {
			return join(fmt.Sprintf("%q", parts[0]), valueOf(parts[1]))
		}
	}
	return fmt.Sprintf("%q", fmt.Sprint(v))
}

// valueOf is the second part of a key: an address, a prefix, a number, a range
// of numbers or, in loops, a name.
func valueOf(v any) string {
	m, _ := v.(map[string]any)
	if p, ok := m["prefix"].(map[string]any); ok {
		return fmt.Sprint(p["addr"], "/", p["len"])
	}
	if ends, ok := m["range"].([]any); ok && len(ends) == 2 {
		return valueOf(ends[0]) + "-" + valueOf(ends[1])
	}
	text := fmt.Sprint(v)
	if n, ok := new(big.Int).SetString(text, 0); ok {
		return "0x" + n.Text(16)
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.String()
	}
	if len(text) == 17 && text[2] == ':' {
		return text
	}
	return fmt.Sprintf("%q", text)
}

// ordered sorts anonymous sets wherever they are.
func ordered(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, inner := range x {
			x[k] = ordered(inner)
			if list, ok := x[k].([]any); ok && k == "set" {
				x[k] = sorted(list)
			}
		}
	case []any:
		for i := range x {
			x[i] = ordered(x[i])
		}
	}
	return v
}

// sorted is the texts of the values, in order.
func sorted(list []any) []json.RawMessage {
	texts := make([]json.RawMessage, len(list))
	for i, v := range list {
		texts[i], _ = json.Marshal(v) // came out of JSON
	}
	slices.SortFunc(texts, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return texts
}
