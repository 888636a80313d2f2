// Package webhook hears from a forge that a repository has something new. What
// it hears means "look now" and nothing else: no word of the message is used,
// so a forged, replayed or late one can do no more than that. Who sends it
// has to know a secret all the same, or anybody could keep a host busy.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Bounds of what is listened to.
const (
	Most    = 25 << 20 // bytes of a message: GitHub sends no more
	most    = 16       // messages at a time
	patient = 30 * time.Second
)

// Forge is who sends, and so how it shows that it knows the secret.
type Forge string

// The forges.
const (
	GitHub  Forge = "github"  // X-Hub-Signature-256: sha256=HMAC of the body
	GitLab  Forge = "gitlab"  // X-Gitlab-Token: the secret itself
	Gitea   Forge = "gitea"   // X-Gitea-Signature: HMAC of the body; Forgejo as well
	Generic Forge = "generic" // as GitHub, or Authorization: Bearer and the secret
)

// Forges lists them.
func Forges() []string {
	return []string{string(GitHub), string(GitLab), string(Gitea), string(Generic)}
}

// ErrShort: the secret can be guessed.
var ErrShort = errors.New("the secret has less than 16 bytes")

// Hook is one that is listened to.
type Hook struct {
	Path   string // of the address, "/hooks/site"
	Forge  Forge
	Source string // to look at; "": all
	Secret []byte // without the line's end
}

// Handler answers the messages of forges.
type Handler struct {
	hooks map[string]Hook
	fetch func(source string) error
	log   func(string)
	now   func() time.Time
	slots chan struct{}

	mu    sync.Mutex
	said  time.Time
	quiet int // refusals since, not said
}

// New listens to hooks. fetch must not wait; log gets a line about what was
// refused, at most one in ten seconds.
func New(hooks []Hook, fetch func(source string) error, log func(string)) (*Handler, error) {
	h := &Handler{hooks: map[string]Hook{}, fetch: fetch, log: log, now: time.Now, slots: make(chan struct{}, most)}
	for _, k := range hooks {
		k.Secret = bytes.TrimRight(k.Secret, "\r\n")
		if len(k.Secret) < 16 {
			return nil, fmt.Errorf("webhook %s: %w", k.Path, ErrShort)
		}
		h.hooks[k.Path] = k
	}
	return h, nil
}

// ServeHTTP answers one message: 202 when the source is looked at. All who do
// not know the secret get 401, whatever is wrong.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, why := h.answer(w, r)
	if why != nil {
		h.refused(r.RemoteAddr, code, why)
	}
	http.Error(w, http.StatusText(code), code)
}

var errNoProof = errors.New("the sender does not know the secret")

func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (int, error) {
	k, ok := h.hooks[r.URL.Path]
	switch {
	case !ok:
		return http.StatusNotFound, errors.New("there is no such webhook")
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, fmt.Errorf("%s is not POST", method(r.Method))
	case r.ContentLength > Most:
		return http.StatusRequestEntityTooLarge, errors.New("the message is too long")
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return http.StatusServiceUnavailable, errors.New("too many messages at a time")
	}
	sum, err := digest(k.Secret, http.MaxBytesReader(w, r.Body, Most))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return http.StatusRequestEntityTooLarge, errors.New("the message is too long")
	case err != nil:
		return http.StatusBadRequest, errors.New("the message breaks off")
	case !proves(k, r.Header, sum):
		return http.StatusUnauthorized, errNoProof
	}
	if err := h.fetch(k.Source); err != nil {
		return http.StatusInternalServerError, err
	}
	return http.StatusAccepted, nil
}

// method is one as it may be written into a log.
func method(m string) string { return m[:min(len(m), 16)] }

// digest is the HMAC of a message, which is not kept.
func digest(secret []byte, body io.Reader) ([]byte, error) {
	mac := hmac.New(sha256.New, secret)
	if _, err := io.Copy(mac, body); err != nil {
		return nil, err
	}
	return mac.Sum(nil), nil
}

// proves says whether the head shows that the sender knows the secret. It
// takes as long for a nearly right proof as for any other.
func proves(k Hook, head http.Header, sum []byte) bool {
	switch k.Forge {
	case GitHub:
		return signed(head.Get("X-Hub-Signature-256"), "sha256=", sum)
	case Gitea:
		return signed(head.Get("X-Gitea-Signature"), "", sum)
	case GitLab:
		return same(head.Get("X-Gitlab-Token"), k.Secret)
	case Generic:
		token, bearer := strings.CutPrefix(head.Get("Authorization"), "Bearer ")
		return bearer && same(token, k.Secret) || signed(head.Get("X-Hub-Signature-256"), "sha256=", sum)
	}
	return false
}

func signed(word, prefix string, sum []byte) bool {
	word, ok := strings.CutPrefix(word, prefix)
	got, err := hex.DecodeString(word)
	return ok && err == nil && hmac.Equal(got, sum)
}

// same compares by digests: of texts of different length, comparing would tell the length.
func same(word string, secret []byte) bool {
	a, b := sha256.Sum256([]byte(word)), sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// pause is the time between two lines about refusals: a sender must not fill
// the log.
const pause = 10 * time.Second

func (h *Handler) refused(from string, code int, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if now.Sub(h.said) < pause {
		h.quiet++
		return
	}
	line := fmt.Sprintf("webhook from %s refused: %d: %v", from, code, why)
	if h.quiet > 0 {
		line += fmt.Sprintf(" (and %d more before)", h.quiet)
	}
	h.said, h.quiet = now, 0
	h.log(line)
}

// Serve answers on a listener until ctx is done. A sender that is slow is cut off.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler: h, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: patient / 3, ReadTimeout: patient, WriteTimeout: patient, IdleTimeout: patient,
		ErrorLog: nil,
	}
	defer context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.Shutdown(last) != nil {
			s.Close()
		}
	})()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listen to webhooks: %w", err)
	}
	return nil
}
