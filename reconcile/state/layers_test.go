package state

import (
	"testing"
	"time"

	"strake/reconcile/ledger"
)

// The number of a layer that may still lie there is never taken from a ledger that
// has been written since.
func TestLayersFollowTheLedger(t *testing.T) {
	d := Open(t.TempDir(), nil)
	later := time.Now().Add(time.Hour)
	for n := 1; n < 50; n++ {
		l := ledger.New("here")
		l.Containers = map[string]ledger.Entry{"web": {Writable: n}}
		if err := d.SetLedger(l); err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{time.Now(), later, later} { // right after it was written it may change unseen
			got, err := d.layers.of(d, "web", at)
			if err != nil || got != n {
				t.Fatalf("after %d: %d, %v", n, got, err)
			}
			if kept := d.layers.print == printOf(d.ledgerFile()); kept != (at == later) {
				t.Fatalf("remembered at %v: %v", at, kept)
			}
		}
		d.layers.used["web"] = -1
		if got, err := d.layers.of(d, "web", later); err != nil || got != -1 {
			t.Fatalf("it was read again: %d, %v", got, err)
		}
	}
	if got, err := d.layers.of(d, "gone", later); err != nil || got != 0 {
		t.Errorf("of one that it has not: %d, %v", got, err)
	}
}
