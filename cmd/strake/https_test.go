package main

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
)

// serveFiles is the command "https ADDRESS FOLDER CERTIFICATE": a server of
// files, and the file that its certificate is written to once it is up.
func serveFiles() int {
	port, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "https:", err)
		return 1
	}
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(os.Args[2])))
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
