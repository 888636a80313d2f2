package cli

import "golang.org/x/sys/unix"

// terminal says whether a stream is one: only terminals have attributes.
func terminal(stream any) bool {
	f, ok := isFile(stream)
	if !ok || f == nil {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
