package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// serveHears is the command "hears ADDRESS FILE": a server that writes each body
// that comes to a line of the file, which is there once it is up.
func serveHears() int {
	port, err := net.Listen("tcp", os.Args[1])
	if err == nil {
		var file *os.File
		if file, err = os.OpenFile(os.Args[2], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err == nil {
			err = http.Serve(port, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				fmt.Fprintf(file, "%s\n", text)
			}))
		}
	}
	fmt.Fprintln(os.Stderr, "hears:", err)
	return 1
}
