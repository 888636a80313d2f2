package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"strake/reconcile"
	"strake/reconcile/plan"
)

// maxPlan bounds what is read as a saved plan. A container takes about 6 KiB.
const maxPlan = 128 << 20

func encodePlan(p plan.Plan) ([]byte, error) {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return append(text, '\n'), nil
}

// planFile reads a saved plan; ok is false where the file is something else,
// such as a configuration in JSON. What tells them apart is the basis, which
// only plans have.
func planFile(path string) (p plan.Plan, ok bool, err error) {
	text, ok := jsonFile(path)
	if !ok {
		return p, false, nil
	}
	var head struct {
		Version int    `json:"version"`
		Basis   string `json:"basis"`
	}
	if json.Unmarshal(text, &head) != nil || head.Basis == "" || head.Version == 0 {
		return p, false, nil
	}
	if head.Version != plan.Version {
		return p, true, fmt.Errorf("%w (%s has form %d, this strake knows %d)", reconcile.ErrStale, path, head.Version, plan.Version)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, true, fmt.Errorf("%w plan %s: %w", errInvalid, path, err)
	}
	return p, true, nil
}

// jsonFile reads a regular file that begins like a JSON object.
func jsonFile(path string) ([]byte, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxPlan {
		return nil, false
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPlan))
	return text, err == nil && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}
