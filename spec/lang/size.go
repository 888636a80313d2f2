package lang

import (
	"fmt"
	"math/big"
	"strings"
)

// units tells binary and decimal units apart; a bare M is neither.
func units() map[string]int64 {
	return map[string]int64{
		"B":   1,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	}
}

// parseSize reads "512MiB" or "1.5GB" as bytes.
func parseSize(text string) (any, error) {
	i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i <= 0 || len(text) > 40 {
		return nil, fmt.Errorf(`must be a size such as "512MiB" or "1GB", not %s`, quote(text))
	}
	number, unit := text[:i], strings.TrimSpace(text[i:])
	factor, ok := units()[unit]
	if !ok {
		return nil, fmt.Errorf("has no known unit in %s; %s", quote(text), unitHint(number, unit))
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return nil, fmt.Errorf(`must be a size such as "512MiB" or "1GB", not %s`, quote(text))
	}
	if r.Mul(r, new(big.Rat).SetInt64(factor)); !r.IsInt() || !r.Num().IsInt64() {
		return nil, fmt.Errorf("is not a whole number of bytes, or too many: %s", quote(text))
	}
	return r.Num().Int64(), nil
}

func unitHint(number, unit string) string {
	if len(unit) == 1 && strings.Contains("kKMGTmgt", unit) {
		u := strings.ToUpper(unit)
		return fmt.Sprintf(`write "%s%siB" (1024) or "%s%sB" (1000)`, number, u, number, u)
	}
	return "known are B, KiB, MiB, GiB, TiB (1024) and kB, MB, GB, TB (1000)"
}

// rates are the units of tc(8), which count by 1000.
func rates() map[string]int64 {
	return map[string]int64{"bit": 1, "kbit": 1e3, "Kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9}
}

// parseRate reads "100Mbit" as bits a second.
func parseRate(text string) (any, error) {
	i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i <= 0 || len(text) > 40 {
		return nil, fmt.Errorf(`must be a rate such as "100Mbit", not %s`, quote(text))
	}
	factor, ok := rates()[strings.TrimSpace(text[i:])]
	r, number := new(big.Rat).SetString(text[:i])
	switch {
	case !ok:
		return nil, fmt.Errorf("has no known unit in %s; known are bit, kbit, Mbit and Gbit (a second, by 1000)", quote(text))
	case !number:
		return nil, fmt.Errorf(`must be a rate such as "100Mbit", not %s`, quote(text))
	}
	if r.Mul(r, new(big.Rat).SetInt64(factor)); !r.IsInt() || !r.Num().IsInt64() {
		return nil, fmt.Errorf("is not a whole number of bits, or too many: %s", quote(text))
	}
	return r.Num().Int64(), nil
}
