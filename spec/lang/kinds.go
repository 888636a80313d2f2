package lang

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// kind reads a value that is known, not null and not sensitive. Its error
// completes a sentence that starts with the setting's path.
type kind func(v cty.Value) (any, error)

// friendly is what a value is, in words.
func friendly(v cty.Value) string {
	if v.Type() == referenceType {
		r := v.EncapsulatedValue().(*reference)
		return "the " + r.kind + " " + quote(r.name)
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		return "a string"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "true or false"
	case ty.IsMapType(), ty.IsObjectType():
		return "a map"
	}
	return "a list"
}

func text(v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, fmt.Errorf("must be a string, not %s", friendly(v))
	}
	return v.AsString(), nil
}

// word is text that may be written as a number or a bool: PORT = 8080.
func word(v cty.Value) (any, error) {
	if v.Type() == cty.String {
		return v.AsString(), nil
	}
	if v.Type() == cty.Number {
		if v.AsBigFloat().IsInf() {
			return nil, errors.New("is a number without end")
		}
		if n, exact := v.AsBigFloat().Int64(); exact == big.Exact {
			return strconv.FormatInt(n, 10), nil // math/big takes 30 us for it: it looks for the shortest of 512 bits
		}
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return nil, fmt.Errorf("must be a string, not %s", friendly(v))
	}
	return s.AsString(), nil
}

// wordOrWords reads one string, or a list of them: a key of LXC that may be
// there several times.
func wordOrWords(v cty.Value) (any, error) {
	if ty := v.Type(); ty.IsListType() || ty.IsSetType() || ty.IsTupleType() {
		var list []string
		for _, e := range v.AsValueSlice() {
			one, err := word(e)
			if e.IsNull() || err != nil {
				return nil, fmt.Errorf("must be a string or a list of strings, not a list with %s", friendly(e))
			}
			list = append(list, one.(string))
		}
		return list, nil
	}
	one, err := word(v)
	if err != nil {
		return nil, fmt.Errorf("must be a string or a list of strings, not %s", friendly(v))
	}
	return []string{one.(string)}, nil
}

func flag(v cty.Value) (any, error) {
	if v.Type() != cty.Bool {
		return nil, fmt.Errorf("must be true or false (without quotes), not %s", friendly(v))
	}
	return v.True(), nil
}

// count is a whole number.
func count(v cty.Value) (any, error) {
	if v.Type() != cty.Number {
		return nil, fmt.Errorf("must be a number, not %s", friendly(v))
	}
	n, exact := v.AsBigFloat().Int64()
	if exact != big.Exact {
		return nil, errors.New("must be a whole number that fits 64 bits")
	}
	return n, nil
}

// small is a whole number that fits an int of any machine.
func small(v cty.Value) (any, error) {
	n, err := count(v)
	if err != nil {
		return nil, err
	}
	if i := n.(int64); int64(int32(i)) != i {
		return nil, fmt.Errorf("can't be %d", i)
	}
	return int(n.(int64)), nil
}

// ids is a number of user ids.
func ids(v cty.Value) (any, error) {
	n, err := count(v)
	if err != nil {
		return nil, err
	}
	if i := n.(int64); int64(uint32(i)) != i {
		return nil, fmt.Errorf("can't be %d: there are 4294967295 ids", i)
	}
	return uint32(n.(int64)), nil
}

func amount(v cty.Value) (any, error) {
	if v.Type() != cty.Number {
		return nil, fmt.Errorf("must be a number, not %s", friendly(v))
	}
	f, _ := v.AsBigFloat().Float64()
	return f, nil
}

func size(v cty.Value) (any, error) {
	if v.Type() == cty.Number {
		return count(v)
	}
	if v.Type() != cty.String {
		return nil, fmt.Errorf(`must be a size such as "512MiB", not %s`, friendly(v))
	}
	return parseSize(v.AsString())
}

func duration(v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, fmt.Errorf(`must be a duration such as "5s", not %s`, friendly(v))
	}
	d, err := time.ParseDuration(v.AsString())
	if err != nil {
		return nil, fmt.Errorf(`must be a duration such as "5s", "1m30s" or "2h", not %s`, quote(v.AsString()))
	}
	return d, nil
}

func texts(v cty.Value) (any, error) {
	if ty := v.Type(); !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
		return nil, fmt.Errorf("must be a list of strings, not %s", friendly(v))
	}
	list := []string{}
	for i, e := range v.AsValueSlice() {
		if e.IsNull() || e.Type() != cty.String {
			return nil, fmt.Errorf("must be a list of strings; element %d is none", i+1)
		}
		list = append(list, e.AsString())
	}
	return list, nil
}

// flagOrTexts is either.
func flagOrTexts(v cty.Value) (any, error) {
	if ty := v.Type(); ty.IsListType() || ty.IsSetType() || ty.IsTupleType() {
		return texts(v)
	}
	if v.Type() != cty.Bool {
		return nil, fmt.Errorf("must be true, false or a list of strings, not %s", friendly(v))
	}
	return flag(v)
}

// numberList is a list of whole numbers.
func numberList(v cty.Value) (any, error) {
	if ty := v.Type(); !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
		return nil, fmt.Errorf("must be a list of numbers, not %s", friendly(v))
	}
	list := []int{}
	for i, e := range v.AsValueSlice() {
		if e.IsNull() {
			return nil, fmt.Errorf("must be a list of numbers; element %d is none", i+1)
		}
		n, err := small(e)
		if err != nil {
			return nil, fmt.Errorf("element %d %w", i+1, err)
		}
		list = append(list, n.(int))
	}
	return list, nil
}

// port is a number that may be written as text, as the keys of maps are.
func port(v cty.Value) (any, error) {
	if n, err := convert.Convert(v, cty.Number); err == nil && n.IsKnown() && !n.IsNull() {
		return small(n)
	}
	return nil, fmt.Errorf("must be a number, not %s", friendly(v))
}

func rate(v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, fmt.Errorf(`must be a rate such as "100Mbit", not %s`, friendly(v))
	}
	return parseRate(v.AsString())
}

// to reads a reference KIND.NAME.
func to(what string) kind {
	return func(v cty.Value) (any, error) {
		r, ok := referred(v, what)
		if !ok {
			return nil, fmt.Errorf("must be a %s, written %s.NAME, not %s", what, what, friendly(v))
		}
		return r.name, nil
	}
}

func referred(v cty.Value, kind string) (reference, bool) {
	if v.Type() != referenceType {
		return reference{}, false
	}
	r := *v.EncapsulatedValue().(*reference)
	return r, r.kind == kind
}

// gather reads references of one kind: one, a list of them, or an object of
// them, as container.NAME is with for_each: it stands for all its elements.
func gather(v cty.Value, kind string, list *[]reference) error {
	if v.IsNull() {
		return fmt.Errorf("must be a list like [%s.NAME]; null is none", kind)
	}
	if r, ok := referred(v, kind); ok {
		*list = append(*list, r)
		return nil
	}
	if !v.CanIterateElements() {
		return fmt.Errorf("must be a list like [%s.NAME], not %s", kind, friendly(v))
	}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if err := gather(e, kind, list); err != nil {
			return err
		}
	}
	return nil
}
