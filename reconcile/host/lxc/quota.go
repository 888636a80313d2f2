package lxc

import "fmt"

// period is the stretch of time that a cpu quota is for, in microseconds: the
// kernel's own default.
const period = 100_000

// quota is the share of period that thousandths of a core are.
func quota(milli int64) int64 { return milli * period / 1000 }

// cpuMax is a limit in thousandths of a core as cgroup2 writes it.
func cpuMax(milli int64) string {
	if milli == 0 {
		return fmt.Sprintf("max %d", period)
	}
	return fmt.Sprintf("%d %d", quota(milli), period)
}
