// Package api is the agent's door for programs of this host: HTTP with JSON on
// a Unix socket. The kernel says who is at the other end, so nobody has to
// prove it: root may do everything, a group of readers may look, a group of
// administrators may also have things done. Paths begin with the version.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrUnknown: there is nothing of that name. It is 404; ErrRefused is 409.
var (
	ErrUnknown = errors.New("not known")
	ErrRefused = errors.New("refused")
)

// Calls are what can be asked for. What is nil this agent does not do: 501.
type Calls struct {
	Status     func(context.Context) (any, error)
	Containers func(context.Context) (any, error)
	Events     func(ctx context.Context, since time.Time, follow bool, tell func(any) error) error
	Metrics    http.Handler

	Fetch   func(source string) error // "": all
	Reload  func() error
	Suspend func(ctx context.Context, by string, o Order) error
	Resume  func(ctx context.Context, by string, o Order) error
	Approve func(ctx context.Context, by string, o Order) error
}

// Order is the body of a request to do something.
type Order struct {
	Name   string `json:"name,omitempty"`   // source or container
	Run    string `json:"run,omitempty"`    // that waits for approval
	For    string `json:"for,omitempty"`    // how long, "2h"
	Reason string `json:"reason,omitempty"` // for people
}

// Bounds of what is listened to.
const (
	mostBody    = 64 << 10
	mostAsking  = 32
	mostStreams = 8
	patient     = 10 * time.Second
)

// server answers.
type server struct {
	calls   Calls
	rights  Rights
	asking  chan struct{}
	streams chan struct{}
	ended   context.Context
}

// Serve answers on a listener that Listen made, until ctx is done.
func Serve(ctx context.Context, l net.Listener, calls Calls, rights Rights) error {
	h := &http.Server{
		Handler: handler(ctx, calls, rights), MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: patient, ReadTimeout: patient, IdleTimeout: patient,
		ConnContext: withPeer, ErrorLog: log.New(io.Discard, "", 0), // rubbish of a stranger's is no event
	}
	defer context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if h.Shutdown(last) != nil {
			h.Close()
		}
	})()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}

func handler(ctx context.Context, calls Calls, rights Rights) http.Handler {
	s := &server{calls, rights, make(chan struct{}, mostAsking), make(chan struct{}, mostStreams), ctx}
	mux := http.NewServeMux()
	mux.Handle("GET /v1/status", s.read(calls.Status))
	mux.Handle("GET /v1/containers", s.read(calls.Containers))
	mux.Handle("GET /v1/events", s.may(reading, s.events))
	mux.Handle("GET /metrics", s.may(reading, s.metrics))
	mux.Handle("POST /v1/fetch", s.order(have(calls.Fetch), func(_ context.Context, _ string, o Order) error { return calls.Fetch(o.Name) }))
	mux.Handle("POST /v1/reload", s.order(have(calls.Reload), func(context.Context, string, Order) error { return calls.Reload() }))
	mux.Handle("POST /v1/suspend", s.order(have(calls.Suspend), calls.Suspend))
	mux.Handle("POST /v1/resume", s.order(have(calls.Resume), calls.Resume))
	mux.Handle("POST /v1/approve", s.order(have(calls.Approve), calls.Approve))
	mux.Handle("/", s.may(reading, func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "there is no such path") }))
	return mux
}

// have says whether a call is there.
func have[F func(string) error | func() error | func(context.Context, string, Order) error](f F) bool {
	return f != nil
}

// may lets those in who have the right.
func (s *server) may(need right, f http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.rights.of(peerOf(r.Context())) < need {
			fail(w, http.StatusForbidden, need.refusal())
			return
		}
		select {
		case s.asking <- struct{}{}:
			defer func() { <-s.asking }()
		default:
			fail(w, http.StatusServiceUnavailable, "too many ask at a time")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		f(w, r)
	})
}

func (s *server) read(call func(context.Context) (any, error)) http.Handler {
	return s.may(reading, func(w http.ResponseWriter, r *http.Request) {
		if call == nil {
			fail(w, http.StatusNotImplemented, "this agent does not do that")
			return
		}
		v, err := call(r.Context())
		if err != nil {
			fail(w, codeOf(err), err.Error())
			return
		}
		answer(w, http.StatusOK, v)
	})
}

func (s *server) order(there bool, do func(context.Context, string, Order) error) http.Handler {
	return s.may(administering, func(w http.ResponseWriter, r *http.Request) {
		if !there {
			fail(w, http.StatusNotImplemented, "this agent does not do that")
			return
		}
		o, err := orderOf(r.Body)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		if err := do(r.Context(), peerOf(r.Context()).Name(), o); err != nil {
			fail(w, codeOf(err), err.Error())
			return
		}
		answer(w, http.StatusAccepted, map[string]any{"version": 1})
	})
}

// orderOf reads a body; none is an empty order.
func orderOf(body io.Reader) (Order, error) {
	var o Order
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil && !errors.Is(err, io.EOF) {
		return o, fmt.Errorf("read order: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("read order: there is more than one")
	}
	for _, word := range []string{o.Name, o.Run, o.For, o.Reason} {
		if len(word) > 1000 || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return o, errors.New("read order: a word is too long or no text")
		}
	}
	return o, nil
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.calls.Metrics == nil {
		fail(w, http.StatusNotImplemented, "this agent does not do that")
		return
	}
	s.calls.Metrics.ServeHTTP(w, r)
}

// events streams NDJSON: what is there, and with follow=1 what comes.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if word := r.URL.Query().Get("since"); word != "" {
		at, err := time.Parse(time.RFC3339, word)
		if err != nil {
			fail(w, http.StatusBadRequest, "since is a time such as 2026-01-31T12:00:00Z")
			return
		}
		since = at
	}
	if s.calls.Events == nil {
		fail(w, http.StatusNotImplemented, "this agent does not do that")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		fail(w, http.StatusServiceUnavailable, "too many follow at a time")
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ended, cancel)()
	w.Header().Set("Content-Type", "application/x-ndjson")
	flow, enc := http.NewResponseController(w), json.NewEncoder(w)
	_ = flow.Flush()
	_ = s.calls.Events(ctx, since, r.URL.Query().Get("follow") == "1", func(v any) error {
		_ = flow.SetWriteDeadline(time.Now().Add(patient)) // who does not read is let go
		if err := enc.Encode(v); err != nil {
			return err
		}
		return flow.Flush()
	})
}

func codeOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrRefused):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, code int, why string) {
	answer(w, code, map[string]any{"version": 1, "error": why})
}

// ErrServed: another agent listens there.
var ErrServed = errors.New("another agent listens there")

// Listen makes the socket. One that nobody listens to any more is replaced.
// Where groups have rights everybody may knock; who comes in, Rights says.
func Listen(path string, rights Rights) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return nil, fmt.Errorf("listen to %s: %w", path, err)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("listen to %s: %w", path, ErrServed)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen to %s: %w", path, err)
	}
	mode := os.FileMode(0o600)
	if rights != (Rights{}) {
		mode = 0o666
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen to %s: %w", path, err)
	}
	return l, nil
}
