// Package filter holds the firewall in front of containers: nftables tables of
// one name, "bridge" for what a NIC may send, "inet" for what a network may
// reach and "arp" for whom the host may answer. The whole wish goes in, the least change goes out, in one
// transaction. It never reads, changes or relies on anybody else's tables, and
// makes no devices: rules go by names and stand before a device exists.
package filter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"strake/reconcile/resource"
)

// ErrNoNFT: the command nft is not on this host.
var ErrNoNFT = errors.New("nft is not installed")

// Options say which tables are ours.
type Options struct {
	Table string // name of all tables, letters, digits, "-" and "_"; required
	NFT   string // absolute path of nft; "": looked for in the system's folders
	Lock  string // file that keeps changes apart; "": /run/strake/TABLE.lock; what was seen last lies beside it
}

// Filter is the firewall of one installation.
type Filter struct {
	table string
	nft   string
	lock  string

	place  func() (string, error)
	rules  func() string // of this version
	asking sync.Mutex    // held by who runs nft to list
	mu     sync.Mutex    // guards what follows
	memory memory
	text   []byte // memory as it is to be left; nil before that is needed
	left   string // moment of what lies beside the lock
}

// Open does not touch the kernel; a missing nft shows at the first use.
func Open(o Options) *Filter {
	f := &Filter{table: o.Table, nft: o.NFT, lock: o.Lock, place: sync.OnceValues(place)}
	f.rules = sync.OnceValue(written)
	if f.nft == "" {
		f.nft = lookUp()
	}
	if f.lock == "" {
		f.lock = "/run/strake/" + o.Table + ".lock"
	}
	return f
}

// lookUp does not use PATH: a start hook has none to rely on.
func lookUp() string {
	for _, folder := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin", "/run/current-system/sw/bin"} {
		path := filepath.Join(folder, "nft")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

func (f *Filter) check() error {
	if !regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]{0,40}$`).MatchString(f.table) {
		return fmt.Errorf("firewall table %q: not a name", f.table)
	}
	if f.nft == "" {
		return ErrNoNFT
	}
	return nil
}

// Set makes the firewall exactly g. Nothing is sent when it is that already.
// Rules that are not as they were written are replaced, tables and all, in
// the same transaction: there is no moment without a guard. An empty guard
// takes the tables away.
func (f *Filter) Set(ctx context.Context, g resource.Guard) error {
	if len(g.NICs) == 0 && len(g.Networks) == 0 {
		return f.Remove(ctx)
	}
	want, err := entriesOf(g)
	if err != nil {
		return fmt.Errorf("set firewall: %w", err)
	}
	return f.change(ctx, func(have sight) error { return f.bring(ctx, have, want) })
}

// Ensure makes the given NICs what g says, and adds its networks and the rules
// where they are missing. It leaves all other NICs and networks as they are.
func (f *Filter) Ensure(ctx context.Context, g resource.Guard) error {
	want, err := entriesOf(g)
	if err != nil {
		return fmt.Errorf("ensure firewall: %w", err)
	}
	return f.change(ctx, func(have sight) error { return f.bring(ctx, have, have.entries.with(want)) })
}

// bring makes the elements what is wanted, and the rules what they should be.
// Without elements the rules do nothing, so where there are none they come
// first. Where they are others they are replaced, elements and all.
func (f *Filter) bring(ctx context.Context, have sight, want entries) error {
	if f.bare(have) {
		laid, err := f.rewrite(ctx, entries{})
		if err != nil {
			return err
		}
		have = laid
	}
	if len(have.missing) == 0 {
		if err := f.step(have, want); !errors.Is(err, errOdd) {
			return err
		}
	}
	_, err := f.rewrite(ctx, want)
	return err
}

// step changes elements only, and knows what that comes to: when nobody else
// changed anything meanwhile, the rules need not be listed again.
func (f *Filter) step(have sight, want entries) error {
	after := have
	after.entries = maps.Clone(want)
	after.entries[about] = have.entries[about]
	return f.alter(have, after)
}

// alter sends the way from one to the other, if there is one.
func (f *Filter) alter(have, after sight) error {
	b, err := f.batchOf(have.entries, after.entries)
	if err != nil || b == nil {
		return err
	}
	return f.transact(after, func() error {
		if err := b.send(); err != nil {
			return fmt.Errorf("change firewall table %s: %w", f.table, err)
		}
		return nil
	})
}

// transact makes a change whose outcome is known: unless somebody else was
// quicker, the kernel's number is one higher then. What is left of it for the next
// process is written meanwhile: with very many interfaces that takes half as long.
func (f *Filter) transact(after sight, act func() error) error {
	_, before, ok := f.remembered()
	moment, err := f.at(before + 1)
	if !ok || err != nil {
		return act()
	}
	m, text := memory{moment, after.entries, after.missing, after.digest}, make(chan []byte, 1)
	go func() { text <- m.written() }()
	err = act()
	if left := <-text; err == nil {
		f.keep(before+1, m, left)
	}
	return err
}

// Observe is the firewall as the kernel has it.
func (f *Filter) Observe(ctx context.Context) (resource.Seen, error) {
	have, err := f.look(ctx)
	if err != nil {
		return resource.Seen{}, err
	}
	guard, odd := have.entries.guard()
	missing := append(have.missing, odd...)
	return resource.Seen{Guard: guard, Forwards: have.entries.forwards(), Intact: len(missing) == 0, Missing: missing}, nil
}

// Remove takes the tables away. Gone already is no error, and sends nothing:
// each transaction wakes everybody who watches the rules.
func (f *Filter) Remove(ctx context.Context) error {
	return f.change(ctx, func(have sight) error {
		if f.bare(have) {
			return nil
		}
		return f.transact(f.nothing(), func() error { return f.run(ctx, f.clear()) })
	})
}

// bare says that there is none of the tables.
func (f *Filter) bare(s sight) bool { return slices.Equal(s.missing, f.nothing().missing) }

// nothing is what is seen where there is none of the tables.
func (f *Filter) nothing() sight {
	s := sight{entries: entries{}}
	for _, family := range families() {
		s.missing = append(s.missing, f.absent(family))
	}
	return s
}

func (f *Filter) absent(family string) string { return "table " + family + " " + f.table }

// clear adds first: deleting what is not there would fail.
func (f *Filter) clear() string {
	var b strings.Builder
	for _, family := range families() {
		fmt.Fprintf(&b, "add table %[1]s %[2]s\ndelete table %[1]s %[2]s\n", family, f.table)
	}
	return b.String()
}
