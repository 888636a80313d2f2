package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// longestBody is how much a template may make of a turn.
const longestBody = 64 << 10

// request is what is sent to a target.
func (to *target) request(ctx context.Context, t Turn) (*http.Request, error) {
	address, body, err := to.form(t)
	if err != nil {
		return nil, err
	}
	if len(body) > longestBody {
		return nil, fmt.Errorf("the template makes %d bytes of it", len(body))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the address is none")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "strake")
	if len(to.Token) > 0 {
		name, value := to.credential()
		r.Header.Set(name, value)
	}
	return r, nil
}

func (to *target) credential() (name, value string) {
	switch to.Kind {
	case GitLab:
		return "PRIVATE-TOKEN", string(to.Token)
	case Gitea:
		return "Authorization", "token " + string(to.Token)
	}
	return "Authorization", "Bearer " + string(to.Token)
}

// form is where to send to, and what.
func (to *target) form(t Turn) (address string, body []byte, err error) {
	base := strings.TrimSuffix(to.URL, "/")
	switch to.Kind {
	case GitHub: // docs.github.com/rest/commits/statuses: 140 characters
		body, err = json.Marshal(status{verdict(t.Word, "failure"), clip(t.describe(), 140), "strake/" + t.Host + "/" + t.Source})
		return base + "/repos/" + to.Repository + "/statuses/" + url.PathEscape(t.Commit), body, err
	case Gitea:
		body, err = json.Marshal(status{verdict(t.Word, "failure"), clip(t.describe(), 255), "strake/" + t.Host + "/" + t.Source})
		return base + "/repos/" + to.Repository + "/statuses/" + url.PathEscape(t.Commit), body, err
	case GitLab: // docs.gitlab.com/api/commits: state, name, description of 255 characters
		body, err = json.Marshal(map[string]string{"state": verdict(t.Word, "failed"), "description": clip(t.describe(), 255), "name": "strake/" + t.Host + "/" + t.Source})
		return base + "/projects/" + url.PathEscape(to.Repository) + "/statuses/" + url.PathEscape(t.Commit), body, err
	}
	if to.text == nil {
		body, err = json.Marshal(t)
		return to.URL, body, err
	}
	var b bytes.Buffer
	err = to.text.Execute(&b, t)
	return to.URL, b.Bytes(), err
}

// status is the form of GitHub and Gitea.
type status struct {
	State       string `json:"state"`
	Description string `json:"description"`
	Context     string `json:"context"`
}

// verdict is a forge's word for a turn.
func verdict(w Word, bad string) string {
	switch w {
	case Applied, Recovered:
		return "success"
	case Waiting:
		return "pending"
	}
	return bad
}

func (t Turn) describe() string {
	if t.Text == "" {
		return string(t.Word)
	}
	return string(t.Word) + ": " + t.Text
}

func clip(s string, most int) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}
