package lang_test

import (
	"fmt"

	"strake/spec/lang"
	"strake/spec/source"
)

func ExampleLoad() {
	text := source.Text{Name: "demo", Files: []source.File{{Name: "demo.hcl", Bytes: []byte(`
network "web" {
  ipv4 = "10.5.0.1/24"
}

container "site" {
  for_each = { a = "10.5.0.7", b = "auto" }

  limits {
    memory = "1GiB"
  }

  nic "eth0" {
    network = network.web
    ipv4    = each.value
  }
}
`)}}}
	stack, diags := lang.Load(text, lang.Variables{})
	fmt.Println(len(diags), "diagnostics")
	for _, c := range stack.Containers {
		fmt.Println(c.Name, c.NICs[0].IPv4, c.Limits.Memory, c.At["limits.memory"])
	}
	// Output:
	// 0 diagnostics
	// site-a 10.5.0.7 1073741824 demo.hcl:10
	// site-b auto 1073741824 demo.hcl:10
}
