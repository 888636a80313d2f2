package agent

import (
	"context"

	"strake/reconcile/plan"
)

// begin writes down what is tried, before it is: whoever dies of it must not
// try it for ever.
func (p *pass) begin(list []plan.ContainerPlan) error {
	if p.st.Tries == nil {
		p.st.Tries = map[string]Try{}
	}
	for _, c := range list {
		t := p.st.Tries[c.Name]
		if d := digest(c); t.Commit != p.text.commit || t.Digest != d {
			t = Try{Commit: p.text.commit, Digest: d}
		}
		t.Time, t.Times = p.now.UTC(), t.Times+1
		p.st.Tries[c.Name] = t
	}
	return keep(p.w.dir, p.st)
}

// ended writes down what came of it. What was rejected is on hold, so that
// `strake release` alone brings it another try; what nobody got to may come again.
func (p *pass) ended(ctx context.Context) {
	begun := p.st.Tries
	for name, t := range begun {
		if t.Time.Equal(p.now.UTC()) {
			delete(p.st.Tries, name)
		}
	}
	if ctx.Err() == nil {
		for _, r := range p.out.Results {
			if c := p.planned(r.Name); c != nil && r.Outcome != "applied" && r.Outcome != "skipped" && r.Rejected == 0 {
				p.st.Tries[r.Name] = Try{Commit: p.text.commit, Digest: digest(*c), Run: p.out.Run.ID, Time: p.now.UTC(), Times: 1, Why: r.Outcome + ": " + r.Error}
			}
		}
	}
	if p.out.Run.ID != "" {
		p.st.Run = p.out.Run.ID
	}
}
