package view

import "strake/reconcile"

// Questions is the table of `strake approve`.
func Questions(list []reconcile.Question) Table {
	t := Table{Head: []string{"RUN", "SINCE", "STACK", "COMMIT", "BY", "WHAT"}}
	for _, q := range list {
		t.Rows = append(t.Rows, []string{
			q.Run, Moment(q.Since), q.Plan.Stack, ShortDigest(q.Plan.Commit), q.By, q.Why,
		})
	}
	return t
}
