package spec

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// The kernel starts no process with a longer variable (MAX_ARG_STRLEN of
// execve(2), name and end included), nor with more than a quarter of its stack's
// limit, 2 MiB as that comes. Half of it leaves the image its own.
const (
	mostVariable    = 128 << 10
	mostEnvironment = 1 << 20
)

const variableRule = "It has letters, digits and underscores, and does not start with a digit."

func (c *checker) environment(o *Container) {
	total := 0
	for _, k := range slices.Sorted(maps.Keys(o.Environment)) {
		path := `environment["` + k + `"]`
		if !variableName(k) {
			c.wrong(o, path, quote(k)+" is not the name of an environment variable", variableRule)
		}
		if why := oneLine(o.Environment[k]); why != "" {
			c.wrong(o, path, "the value of "+quote(k)+" "+why, "An LXC configuration holds one line a variable. Put longer values into a file.")
		}
		n := len(k) + len(o.Environment[k]) + len("=\x00")
		before := total
		switch total += n; {
		case n > mostVariable:
			c.wrong(o, path, fmt.Sprintf("the variable %s has %d bytes", quote(k), n), "No process can be started with more than 131072 in one. Put longer values into a file.")
		case before <= mostEnvironment && total > mostEnvironment:
			c.wrong(o, path, "the variables have more than 1 MiB together", "Processes are started with all of them. Put long values into a file.")
		}
		switch {
		case !proxyVariable(k):
		case o.Proxy != nil:
			c.wrong(o, path, k+" is set by the proxy block", "Write it in one of the two places.")
		case len(o.Egress) > 0:
			c.wrong(o, path, k+" is set by egress", "The way out is the egress proxy. Take one of the two away.")
		}
	}
}

// hidden checks the variables whose values no message may show.
func (c *checker) hidden(o *Container) {
	for _, k := range slices.Sorted(maps.Keys(o.Hidden)) {
		path := `environment["` + k + `"]`
		if !variableName(k) {
			c.wrong(o, path, quote(k)+" is not the name of an environment variable", variableRule)
		}
		if why := VariableFault(o.Hidden[k].Text.Reveal()); why != "" {
			c.wrong(o, path, "the value of "+quote(k)+" "+why, "Variables are one line of text. Use a secret_file for anything else.")
		}
		if o.Proxy != nil && proxyVariable(k) {
			c.wrong(o, path, k+" is set by the proxy block", "Write it in one of the two places.")
		}
		if len(o.Egress) > 0 && proxyVariable(k) {
			c.wrong(o, path, k+" is set by egress", "The way out is the egress proxy. Take one of the two away.")
		}
	}
}

func variableName(k string) bool {
	for i := range len(k) {
		b := k[i]
		letter := b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if !letter && (i == 0 || b < '0' || b > '9') {
			return false
		}
	}
	return k != ""
}

func proxyVariable(k string) bool {
	switch strings.ToLower(k) {
	case "http_proxy", "https_proxy", "no_proxy", "all_proxy", "ftp_proxy":
		return true
	}
	return false
}

func (c *checker) proxy(o *Container) {
	p := o.Proxy
	if p == nil {
		return
	}
	if p.HTTP == "" && p.HTTPS == "" {
		c.wrong(o, "proxy.http", "the proxy block names no proxy", `Write http = "http://10.0.0.5:3128", or https.`)
	}
	c.proxyURL(o, "proxy.http", p.HTTP)
	c.proxyURL(o, "proxy.https", p.HTTPS)
	for _, host := range p.NoProxy {
		if host == "" || strings.ContainsAny(host, ", \t") || oneLine(host) != "" {
			c.wrong(o, "proxy.no_proxy", quote(host)+" is not a host", `Write a list of hosts: ["localhost", ".example.org"].`)
		}
	}
}

func (c *checker) proxyURL(o *Container, path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.ContainsAny(text, " \t") {
		c.wrong(o, path, "this is not the address of a proxy", `Write it with scheme and port: "http://10.0.0.5:3128".`)
	}
}
