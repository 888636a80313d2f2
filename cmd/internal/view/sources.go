package view

import (
	"strake/cmd/internal/agent"
)

// Sources is the table of where texts come from.
func Sources(list []agent.Standing) Table {
	t := Table{Head: []string{"SOURCE", "STATE", "STACK", "COMMIT", "SINCE", "WHY"}}
	for _, s := range list {
		since := ""
		if !s.Since.IsZero() {
			since = s.Since.Local().Format("2006-01-02 15:04:05")
		}
		t.Rows = append(t.Rows, []string{s.Name, string(s.State), s.Stack, ShortDigest(s.Commit), since, s.Text})
	}
	t.Tint = func(row, column int) string {
		switch {
		case column != 1:
			return ""
		case list[row].State == agent.OK:
			return "good"
		}
		return "bad"
	}
	return t
}
