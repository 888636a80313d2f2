package main

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
)

// serveFiles is the command "https ADDRESS FOLDER CERTIFICATE [PASSWORD]": a server of
// files, and the file that its certificate is written to once it is up. With the file of a
// password (USER:PASSWORD, read at each request) it serves repositories, to that user alone.
func serveFiles() int {
	port, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "https:", err)
		return 1
	}
	handler := http.FileServer(http.Dir(os.Args[2]))
	if len(os.Args) > 4 {
		handler = repositories(os.Args[2], os.Args[4])
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = port
	server.StartTLS()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(os.Args[3], text, 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "https:", err)
		return 1
	}
	select {}
}

// repositories are those of a folder, by git's own server.
func repositories(folder, password string) http.Handler {
	git := &cgi.Handler{Path: "/usr/lib/git-core/git-http-backend", Env: []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1"}, InheritEnv: []string{"PATH", "HOME"}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want, err := os.ReadFile(password)
		if user, word, _ := r.BasicAuth(); err != nil || user+":"+word != string(want) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, r)
	})
}
