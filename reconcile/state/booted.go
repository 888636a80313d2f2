package state

import (
	"os"
	"path/filepath"
	"strings"

	"strake/generations"
)

// Booted says whether the containers were brought up since the host came up.
// Where that was never noted they were: nobody's reboot was missed.
func (d *Dir) Booted() (booted, noted bool) {
	was, err := generations.ReadFile(filepath.Join(d.path, "booted"))
	return err != nil || strings.TrimSpace(string(was)) == bootID(), err == nil
}

// SetBooted notes that they were. Only who holds the lock may.
func (d *Dir) SetBooted() error {
	if err := d.make(d.path); err != nil {
		return err
	}
	return generations.WriteFile(filepath.Join(d.path, "booted"), []byte(bootID()+"\n"), 0o600)
}

// bootID is another one each time the host comes up (random(4)).
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}
