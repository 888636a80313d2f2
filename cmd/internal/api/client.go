package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
)

// Socket is where the agent of an installation listens: below /run for the
// usual one, in the state folder for any other.
func Socket(stateDir string) string {
	if stateDir == "/var/lib/strake" {
		return "/run/strake/api.sock"
	}
	return filepath.Join(stateDir, "api.sock")
}

// Client asks an agent.
type Client struct{ http http.Client }

// Dial makes one for a socket. It does not connect yet.
func Dial(path string) *Client {
	var d net.Dialer
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) },
	}}}
}

// Get reads a value.
func (c *Client) Get(ctx context.Context, path string, v any) error {
	return c.do(ctx, http.MethodGet, path, nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(v) })
}

// Post has something done.
func (c *Client) Post(ctx context.Context, path string, o Order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, bytes.NewReader(text), func(io.Reader) error { return nil })
}

// Copy writes an answer as it comes.
func (c *Client) Copy(ctx context.Context, path string, w io.Writer) error {
	return c.do(ctx, http.MethodGet, path, nil, func(body io.Reader) error {
		_, err := io.Copy(w, body)
		if ctx.Err() != nil {
			return nil
		}
		return err
	})
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, body)
	if err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	got, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the agent: %w", errors.Unwrap(err))
	}
	defer got.Body.Close()
	if got.StatusCode >= 300 {
		var said struct{ Error string }
		_ = json.NewDecoder(io.LimitReader(got.Body, mostBody)).Decode(&said)
		if said.Error = strings.TrimSpace(said.Error); said.Error == "" {
			said.Error = got.Status
		}
		return fmt.Errorf("ask the agent: %s", said.Error)
	}
	if err := read(got.Body); err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	return nil
}
