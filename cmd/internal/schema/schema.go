// Package schema says in JSON Schema (draft 2020-12) what strake reads and
// writes: the JSON form of a configuration, made of the table of the language,
// and plans and events, made of the types that are printed. It describes
// shape alone; what values mean, only reading them tells.
package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/spec"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

type object = map[string]any

// Of is the schema of that name: "spec", "plan" or "event".
func Of(name string) ([]byte, error) {
	switch name {
	case "plan":
		return reflected(plan.Plan{}, "A plan of strake, version 1")
	case "event":
		return reflected(event.Event{}, "One event of strake, version 1: a line of strake events --json")
	case "spec":
		return indent(language())
	}
	return nil, fmt.Errorf("no schema %q", name)
}

func indent(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(text, '\n'), nil
}

// reflected takes further keys: a newer strake may print more.
func reflected(v any, title string) ([]byte, error) {
	r := jsonschema.Reflector{AllowAdditionalProperties: true, Anonymous: true, Mapper: asText}
	s := r.Reflect(v)
	s.Title = title
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	emptyIsNull(plain)
	return indent(plain)
}

// emptyIsNull allows null for lists and maps: Go writes empty ones so.
func emptyIsNull(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			emptyIsNull(e)
		}
	case object:
		if v["type"] == "array" || v["type"] == "object" && v["properties"] == nil {
			v["type"] = []any{v["type"], "null"}
		}
		for _, e := range v {
			emptyIsNull(e)
		}
	}
}

// asText is the schema of what writes itself as text, also where only its
// pointer does.
func asText(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[event.Kind]():
		return words(event.Kinds())
	case reflect.TypeFor[event.Outcome]():
		return words(event.Outcomes())
	}
	if t.String() != "time.Time" && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// words is the schema of text that is one of these.
func words[W any](list []W) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range list {
		s.Enum = append(s.Enum, w)
	}
	return s
}

// language is the schema of a configuration: one definition for each kind of
// block, for dynamic blocks hold the blocks that they stand beside.
func language() object {
	w := bodies{object{"template": object{"type": "string", "pattern": `[$%]\{`, "description": "An expression, \"${...}\"."}}, map[*spec.Block]string{}}
	root := w.body("", spec.Language())
	root["$schema"], root["title"], root["$defs"] = draft, "A configuration of strake (*.hcl.json)", w.defs
	return root
}

// bodies are the definitions of what stands between the braces of blocks.
type bodies struct {
	defs object
	name map[*spec.Block]string // a profile's blocks are those of containers
}

func (w bodies) ref(path string, b *spec.Block) object {
	name := w.name[b]
	if name == "" {
		name = strings.TrimPrefix(path+"."+b.Name, ".")
		w.name[b] = name
		w.defs[name] = w.body(name, b)
	}
	return object{"$ref": "#/$defs/" + name}
}

func (w bodies) body(path string, b *spec.Block) object {
	properties, required := object{"//": true}, []string{}
	for _, word := range b.Words {
		s := value(word)
		if in := b.Block(word.Name); in != nil { // a value or a block, as autostart
			s = object{"anyOf": []object{s, w.labelled(path, in)}}
		}
		properties[word.Name] = s
		if word.Required() && word.Setting == nil { // a profile may say a setting's
			required = append(required, word.Name)
		}
	}
	for _, in := range b.Blocks {
		if properties[in.Name] == nil {
			properties[in.Name] = w.labelled(path, in)
		}
	}
	if b.Name == "locals" {
		return object{"type": "object", "description": b.Doc}
	}
	s := object{"type": "object", "description": b.Doc, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if b.Name != "" && !strings.Contains("variable moved removed import check validation assert", b.Name) {
		properties["dynamic"] = oneOrMore(w.dynamic(path, b))
	}
	return s
}

// dynamic is a block that makes blocks of the kinds that stand beside it.
func (w bodies) dynamic(path string, b *spec.Block) object {
	kinds := object{}
	for _, in := range b.Blocks {
		kinds[in.Name] = oneOrMore(object{
			"type": "object", "additionalProperties": false, "required": []string{"for_each", "content"},
			"properties": object{
				"//":       true,
				"for_each": object{"description": "Every element makes one block."},
				"iterator": object{"type": "string", "description": "What the element is called in content. Default: the block's name."},
				"labels":   object{"type": "array", "items": object{"type": "string"}},
				"content":  oneOrMore(w.ref(path, in)),
			},
		})
	}
	return object{"type": "object", "description": "Blocks made of a list, a set or a map.", "properties": kinds, "additionalProperties": false}
}

// labelled is a block under its label. HCL takes a list wherever one object
// may stand.
func (w bodies) labelled(path string, b *spec.Block) object {
	inner := oneOrMore(w.ref(path, b))
	if b.Label == "" {
		return inner
	}
	s := object{"type": "object", "additionalProperties": inner}
	if b.Form != "" {
		s["propertyNames"] = object{"pattern": b.Form}
	}
	return oneOrMore(s)
}

func oneOrMore(s object) object {
	return object{"anyOf": []object{s, {"type": "array", "items": s}}}
}

func value(w spec.Word) object {
	s := kind(w)
	if w.Values != nil {
		s = object{"enum": w.Values}
	}
	if w.Form != "" {
		s["pattern"] = w.Form // of what is no text, it says nothing
	}
	if w.Most > 0 {
		s["minimum"], s["maximum"] = w.Least, w.Most // of what is no number, these say nothing
	}
	return object{"description": w.Doc + " Default: " + w.Default + ".", "anyOf": []object{s, {"$ref": "#/$defs/template"}, {"type": "null"}}}
}

func kind(w spec.Word) object {
	text, number := object{"type": "string"}, object{"type": "number"}
	switch w.Type {
	case "bool":
		return object{"type": "boolean"}
	case "number":
		if w.Name == "to" {
			return object{"type": []string{"number", "string"}} // a port
		}
		return number
	case "size":
		return object{"type": []string{"number", "string"}}
	case "string", "duration", "rate", "path", "container", "type":
		return text
	case "image", "image or string", "network", "volume", "secret or sensitive text":
		return text
	case "list(string)", "list(container)", "list(profile)":
		return list(text)
	case "list(number)":
		return object{"type": "array", "items": object{"anyOf": []object{number, {"$ref": "#/$defs/template"}}}}
	case "map(string)", "map(string or list(string))", "map or set":
		return object{"type": "object"}
	}
	return object{} // "value", "egress": whatever an expression gives
}

func list(items object) object { return object{"type": "array", "items": items} }
