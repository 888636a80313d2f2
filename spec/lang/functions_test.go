package lang

import (
	stdflag "flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-cty-funcs/cidr"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"strake/spec/source"
)

// TestFunctions is the list of all functions, with where each is from. One that
// comes or goes is a change of the language.
func TestFunctions(t *testing.T) {
	from := map[function.Function]string{tryfunc.CanFunc: "hcl/ext/tryfunc", tryfunc.TryFunc: "hcl/ext/tryfunc"}
	for _, f := range []function.Function{cidr.HostFunc, cidr.NetmaskFunc, cidr.SubnetFunc, cidr.SubnetsFunc} {
		from[f] = "go-cty-funcs/cidr"
	}
	for _, f := range []function.Function{
		stdlib.AbsoluteFunc, stdlib.CeilFunc, stdlib.FloorFunc, stdlib.LogFunc, stdlib.MaxFunc, stdlib.MinFunc, stdlib.ParseIntFunc, stdlib.PowFunc, stdlib.SignumFunc,
		stdlib.ChompFunc, stdlib.FormatFunc, stdlib.FormatListFunc, stdlib.JoinFunc, stdlib.LowerFunc, stdlib.RegexFunc, stdlib.RegexAllFunc,
		stdlib.RegexReplaceFunc, stdlib.ReplaceFunc, stdlib.SplitFunc, stdlib.StrlenFunc, stdlib.ReverseFunc, stdlib.SubstrFunc, stdlib.TitleFunc, stdlib.TrimFunc,
		stdlib.TrimPrefixFunc, stdlib.TrimSpaceFunc, stdlib.TrimSuffixFunc, stdlib.UpperFunc,
		stdlib.ChunklistFunc, stdlib.CoalesceFunc, stdlib.CoalesceListFunc, stdlib.CompactFunc, stdlib.ConcatFunc, stdlib.ContainsFunc, stdlib.DistinctFunc,
		stdlib.ElementFunc, stdlib.FlattenFunc, stdlib.IndexFunc, stdlib.KeysFunc, stdlib.LookupFunc, stdlib.MergeFunc, stdlib.RangeFunc, stdlib.ReverseListFunc,
		stdlib.SetIntersectionFunc, stdlib.SetSubtractFunc, stdlib.SetUnionFunc, stdlib.SliceFunc, stdlib.SortFunc, stdlib.ValuesFunc, stdlib.ZipmapFunc,
		stdlib.CSVDecodeFunc, stdlib.JSONDecodeFunc, stdlib.JSONEncodeFunc,
	} {
		from[f] = "go-cty/stdlib"
	}
	from[yaml.YAMLEncodeFunc] = "go-cty-yaml"
	all := library(source.OpenFolder(t.TempDir()))
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		origin, known := from[all[name]]
		if !known {
			origin = "spec/lang"
		}
		fmt.Fprintf(&list, "%s %s\n", name, origin)
		if regexp.MustCompile(`^(env|uuid|timestamp|bcrypt|rsadecrypt|pathexpand|abspath|plantimestamp|random|now)`).MatchString(name) {
			t.Errorf("%s does not depend on the text alone", name)
		}
	}
	golden := "testdata/functions.txt"
	if stdflag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(golden, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != list.String() {
		t.Errorf("%v; the functions are now:\n%s", err, list.String())
	}
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range all {
		if !regexp.MustCompile("[` ]" + name + "[` ]").Match(page) {
			t.Errorf("the reference page has no %s", name)
		}
	}
}
