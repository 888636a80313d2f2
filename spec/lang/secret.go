package lang

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

func secretBlock() *block[spec.Secret] {
	return &block[spec.Secret]{settings: map[string]setting[spec.Secret]{
		"file": {read: text, set: func(s *spec.Secret, _ string, v any) { s.File = v.(string) }},
	}}
}

// readSecrets finds out where secrets are. It never looks into their files, nor
// whether they are there: only the host that needs them has to have them all.
func (l *loader) readSecrets(blocks hcl.Blocks) {
	table := secretBlock()
	for _, b := range firsts(blocks) {
		s := spec.Secret{Name: b.Labels[0], Pos: place(b.DefRange)}
		items := open(l, b.Body, table, l.scope.base).items
		s.At = lay(l, items, l.scope.base).apply(&s)
		if s.File != "" && !filepath.IsAbs(s.File) && !filepath.IsLocal(s.File) {
			l.fail(items[0].at, "secret "+quote(s.Name)+": "+quote(s.File)+" leads out of the folder of the text", "A relative path is one of a file in it. Write the absolute path of a file that belongs to the host.")
		}
		l.stack.Secrets = append(l.stack.Secrets, s)
	}
}

func secretFileBlock() *block[spec.Container] {
	return &block[spec.Container]{
		label: "path",
		present: func(c *spec.Container, path string) {
			c.SecretFiles = append(c.SecretFiles, spec.SecretFile{Target: path})
		},
		settings: map[string]setting[spec.Container]{
			"from":  {read: secretOnly, hidden: true, set: onSecretFile(func(f *spec.SecretFile, v any) { f.From = v.(spec.Confidential) })},
			"mode":  {read: text, set: onSecretFile(func(f *spec.SecretFile, v any) { f.Mode = v.(string) })},
			"owner": {read: ids, set: onSecretFile(func(f *spec.SecretFile, v any) { f.Owner = v.(uint32) })},
			"group": {read: ids, set: onSecretFile(func(f *spec.SecretFile, v any) { f.Group = v.(uint32) })},
		},
	}
}

// onSecretFile finds the block that a setting belongs to, as onNIC does.
func onSecretFile(set func(f *spec.SecretFile, v any)) func(*spec.Container, string, any) {
	return func(c *spec.Container, path string, v any) {
		for i := len(c.SecretFiles) - 1; i >= 0; i-- {
			if c.SecretFiles[i].Target == path {
				set(&c.SecretFiles[i], v)
				return
			}
		}
	}
}

// wordOrSecret reads text, secret.NAME, or text that is sensitive.
func wordOrSecret(v cty.Value) (any, error) {
	if r, ok := referred(v, "secret"); ok {
		return spec.Confidential{Secret: r.name}, nil
	}
	v, marks := v.UnmarkDeep()
	s, err := word(v)
	if err != nil || len(marks) == 0 {
		return s, err
	}
	return spec.Confidential{Text: spec.Hide(s.(string))}, nil
}

// secretOnly reads secret.NAME, or text that is sensitive.
func secretOnly(v cty.Value) (any, error) {
	s, err := wordOrSecret(v)
	if err != nil {
		return nil, fmt.Errorf("must be a secret, written secret.NAME, or a sensitive string, not %s", friendly(v))
	}
	if _, ok := s.(spec.Confidential); !ok {
		return nil, errors.New("must be a secret, written secret.NAME, or a sensitive string; this one is kept in plain text, so it is none")
	}
	return s, nil
}
