package filter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"strake/reconcile/resource"
)

// Refused is what was dropped of each interface that the firewall looks at, by
// host device, since it stands. The kernel counts where a set is looked up.
func (f *Filter) Refused(ctx context.Context) (map[string]resource.Count, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	counters := []set{{family: "bridge", name: refused}, {family: "inet", name: links}, {family: "arp", name: heard}, {family: "inet", name: rstopped}, {family: "arp", name: astopped}}
	found := make([]map[string]resource.Count, len(counters))
	errs := make([]error, len(counters))
	var group sync.WaitGroup
	for i, s := range counters {
		group.Go(func() { found[i], errs[i] = f.counts(ctx, s) })
	}
	group.Wait()
	all := map[string]resource.Count{}
	for _, counts := range found {
		for device, c := range counts {
			all[device] = resource.Count{Frames: all[device].Frames + c.Frames, Bytes: all[device].Bytes + c.Bytes}
		}
	}
	return all, errors.Join(errs...)
}

// counts are the counters of one set; none where there is no such set.
func (f *Filter) counts(ctx context.Context, s set) (map[string]resource.Count, error) {
	text, err := f.call(ctx, "", "-j", "list", "set", s.family, f.table, s.name)
	if err != nil && strings.Contains(err.Error(), "No such file or directory") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list what firewall table %s refused: %w", f.table, err)
	}
	var listing struct {
		Nftables []struct {
			Set struct {
				Elem []struct {
					Elem struct {
						Val     string
						Counter struct{ Packets, Bytes uint64 }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &listing); err != nil {
		return nil, fmt.Errorf("read what firewall table %s refused: %w", f.table, err)
	}
	counts := map[string]resource.Count{}
	for _, item := range listing.Nftables {
		for _, e := range item.Set.Elem {
			counts[e.Elem.Val] = resource.Count{Frames: e.Elem.Counter.Packets, Bytes: e.Elem.Counter.Bytes}
		}
	}
	return counts, nil
}
