package egress

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// Bounds of a request's head. Those of clients have some hundred bytes.
const (
	mostHead   = 16 << 10
	mostFields = 100
)

// head is what the bytes of a request's head say, before anybody acts on it.
// net/http is lenient where RFC 9112 lets it be: it takes a Transfer-Encoding
// beside a Content-Length, a Host that differs from the target, a bare line
// feed. Each is a way to be read differently by whoever comes next, so here
// they are faults, and net/http gets to see only heads without one.
type head struct {
	method  string
	site    site
	port    int
	connect bool
	upgrade bool // asks for a websocket
	body    bool
	fault   *fault
}

// fault is why a request goes no further.
type fault struct {
	status int
	text   string
}

func (f *fault) Error() string { return f.text }

func malformed(format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, "malformed: " + fmt.Sprintf(format, args...)}
}

// headEnd finds the end of the head in the first bytes of a connection: its
// length, or 0 where there is more to come, or a fault.
func headEnd(in []byte) (int, *fault) {
	if len(in) > 0 && !(in[0] >= 'A' && in[0] <= 'Z') {
		return 0, malformed("no request of HTTP")
	}
	if i := bytes.Index(in, []byte("\r\n\r\n")); i >= 0 && i+4 <= mostHead {
		return i + 4, nil
	}
	if len(in) >= mostHead {
		return 0, &fault{http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("malformed: head of more than %d bytes", mostHead)}
	}
	for rest := in; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return 0, nil
		}
		if i == 0 || rest[i-1] != '\r' {
			return 0, malformed("line without carriage return")
		}
		rest = rest[i+1:]
	}
}

// readHead reads a whole head. Where there is a fault, what is known of the
// request is there for the record.
func readHead(text []byte) head {
	var h head
	h.fault = h.read(string(text))
	return h
}

func (h *head) read(text string) *fault {
	lines := strings.Split(strings.TrimSuffix(text, "\r\n\r\n"), "\r\n")
	for _, l := range lines {
		for i := range len(l) {
			if c := l[i]; c < ' ' && c != '\t' || c == 0x7f {
				return malformed("control character in head")
			}
		}
	}
	old, wrong := h.request(lines[0])
	if wrong != nil {
		return wrong
	}
	if len(lines)-1 > mostFields {
		return &fault{http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("malformed: more than %d fields", mostFields)}
	}
	seen := map[string]string{}
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		name = strings.ToLower(name)
		if !ok || !token(name) {
			return malformed("field without a name")
		}
		value = strings.Trim(value, " \t")
		switch name {
		case "host", "content-length", "transfer-encoding", "upgrade":
			if _, twice := seen[name]; twice {
				return malformed("more than one %s", name)
			}
			seen[name] = value
		}
	}
	return h.fields(seen, old)
}

// request reads the first line.
func (h *head) request(line string) (old bool, wrong *fault) {
	parts := strings.Split(line, " ")
	if len(parts) != 3 || len(parts[0]) > 32 || !token(strings.ToLower(parts[0])) {
		return false, malformed("no request line")
	}
	if parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0" {
		return false, &fault{http.StatusHTTPVersionNotSupported, "malformed: version is not HTTP/1.1"}
	}
	h.method, h.connect = parts[0], parts[0] == http.MethodConnect
	return parts[2] == "HTTP/1.0", h.target(parts[1])
}

func (h *head) target(text string) *fault {
	port := 0
	if !h.connect {
		scheme, rest, ok := strings.Cut(text, "://")
		switch {
		case !ok || strings.HasPrefix(text, "/"):
			return malformed("this is a proxy, and the target has no host")
		case strings.EqualFold(scheme, "https"):
			return malformed("https goes through CONNECT")
		case !strings.EqualFold(scheme, "http"):
			return malformed("scheme is not http")
		}
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		text, port = rest, 80
	}
	var err error
	if h.site, h.port, err = parseAuthority(text, port); err != nil {
		return malformed("%v", err)
	}
	return nil
}

func (h *head) fields(seen map[string]string, old bool) *fault {
	if host, ok := seen["host"]; ok {
		if wrong := h.host(host); wrong != nil {
			return wrong
		}
	} else if !old {
		return malformed("no Host")
	}
	length, sized := seen["content-length"]
	encoding, chunked := seen["transfer-encoding"]
	switch {
	case sized && chunked:
		return malformed("Content-Length beside Transfer-Encoding")
	case sized && (length == "" || len(length) > 18 || strings.Trim(length, "0123456789") != ""):
		return malformed("Content-Length is no number")
	case chunked && (old || !strings.EqualFold(encoding, "chunked")):
		return malformed("Transfer-Encoding is not chunked")
	}
	h.body = chunked || strings.Trim(length, "0") != ""
	if h.connect && h.body {
		return malformed("CONNECT with a body")
	}
	h.upgrade = strings.EqualFold(seen["upgrade"], "websocket")
	return nil
}

// host wants the Host field to say what the target says. The port may be left
// out where it is the usual one, and with CONNECT.
func (h *head) host(value string) *fault {
	usual := 80
	if h.connect {
		usual = h.port
	}
	s, port, err := parseAuthority(value, usual)
	if err != nil || s != h.site || port != h.port {
		return malformed("Host is not that of the target")
	}
	return nil
}

// token is RFC 9110's, of what is in lower case.
func token(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}

var errUnread = malformed("can't be read, or too late for its connection")

var errSlow = &fault{http.StatusRequestTimeout, "malformed: head took too long"}
