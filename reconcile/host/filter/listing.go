package filter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
)

// sight is what the kernel has of our tables.
type sight struct {
	entries entries
	missing []string // rules that are not as they were written, for people
	digest  string   // of the listed rules
}

// look lists our tables and compares their rules with what was listed right
// after they were written: nft's own text differs between its versions, so
// the digest of that first listing lies in the table itself.
func (f *Filter) look(ctx context.Context) (sight, error) {
	if err := f.check(); err != nil {
		return sight{}, err
	}
	f.asking.Lock() // who comes while another asks wants the same answer
	defer f.asking.Unlock()
	s, now, ok := f.remembered()
	if ok {
		return s, nil
	}
	s, err := f.ask(ctx)
	if err != nil {
		return s, err
	}
	f.remember(now, s)
	return s, nil
}

// listed is one of our tables as nft lists it.
type listed struct {
	entries entries
	rules   []byte
	err     error
}

// ask has nft list our tables, at the same time: nft takes one for each call.
func (f *Filter) ask(ctx context.Context) (sight, error) {
	var group sync.WaitGroup
	var tables [3]listed
	for i, family := range families() {
		group.Go(func() { tables[i] = f.listing(ctx, family) })
	}
	group.Wait()
	s := sight{entries: entries{}}
	sum := sha256.New()
	for i, family := range families() {
		if errors.Is(tables[i].err, errAbsent) {
			s.missing = append(s.missing, f.absent(family))
			continue
		}
		if tables[i].err != nil {
			return s, tables[i].err
		}
		maps.Copy(s.entries, tables[i].entries)
		sum.Write(tables[i].rules)
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))[:32]
	s.compare(f.table)
	return s, nil
}

func (f *Filter) listing(ctx context.Context, family string) listed {
	text, err := f.list(ctx, family)
	if err != nil {
		return listed{err: err}
	}
	t := listed{entries: entries{}}
	if t.rules, err = t.entries.read(family, text); err != nil {
		t.err = fmt.Errorf("read listing of firewall table %s %s: %w", family, f.table, err)
	}
	return t
}

func (s *sight) compare(table string) {
	if len(s.missing) > 0 {
		return
	}
	switch {
	case s.entries[about][`"rules"`].Comment != written():
		s.missing = append(s.missing, "rules of this version in table "+table)
	case s.entries[about][`"listed"`].Comment != s.digest:
		s.missing = append(s.missing, "rules as they were written in table "+table)
	}
}

// written identifies the rules of this version of strake.
func written() string {
	var text string
	for _, family := range families() {
		text += rulesOf(family)
	}
	for _, s := range sets() {
		text += s.declaration()
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// rewrite puts new tables in the place of the old ones, and says what is there then.
func (f *Filter) rewrite(ctx context.Context, e entries) (sight, error) {
	if err := f.run(ctx, f.layout(e)); err != nil {
		return sight{}, err
	}
	return f.seal(ctx)
}

// seal notes how the kernel lists the rules that were just written. A run
// that ends before it leaves rules that count as damaged, and are written
// again.
func (f *Filter) seal(ctx context.Context) (sight, error) {
	s, err := f.look(ctx)
	if err != nil {
		return s, err
	}
	sealed := sight{entries: maps.Clone(s.entries), digest: s.digest}
	sealed.entries[about] = map[string]element{`"rules"`: {Comment: written()}, `"listed"`: {Comment: s.digest}}
	return sealed, f.alter(s, sealed)
}
