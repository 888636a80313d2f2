package porter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/egress"
)

// book keeps every attempt: in a file of each container's own, so that one
// that asks a lot pushes out none of another's, and in the journal.
type book struct {
	folder *os.Root // opened while there was the power to: those above it may be closed to others

	mu      sync.Mutex
	files   map[string]*page
	journal *net.UnixConn // nil: there is none
	kept    string        // what was used of the day, as it was written last
}

// page is a container's file that is written to.
type page struct {
	file *os.File
	size int64
	used time.Time
}

const (
	// mostPage is the size at which a file becomes the earlier one, of which
	// there is one.
	mostPage = 4 << 20
	// mostPages are how many files are held open.
	mostPages = 256
	// unknown is the file of attempts of nobody that is known.
	unknown = "-"

	journalSocket = "/run/systemd/journal/socket"
	spentFile     = ".spent"
	earlier       = ".1"
)

// openBook makes the folder, of the user that will write there.
func openBook(folder string, nobody bool) (*book, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	b := &book{folder: root, files: map[string]*page{}}
	if nobody {
		uid, gid, err := account()
		if err != nil {
			return nil, err
		}
		if err := os.Lchown(folder, uid, gid); err != nil {
			return nil, err
		}
	}
	if c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: journalSocket, Net: "unixgram"}); err == nil {
		b.journal = c
	}
	return b, nil
}

// note writes one attempt. What can't be written is lost: to refuse service
// for that would let a full disk cut everybody off.
func (b *book) note(a egress.Attempt) {
	line, err := json.Marshal(a)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	name := a.Container
	if name == "" {
		name = unknown
	}
	b.write(name, append(line, '\n'))
	b.tell(a)
}

func (b *book) write(name string, line []byte) {
	p := b.page(name)
	if p == nil {
		return
	}
	n, _ := p.file.Write(line)
	p.size += int64(n)
	p.used = time.Now()
	if p.size >= mostPage {
		_ = p.file.Close()
		delete(b.files, name)
		_ = b.folder.Rename(name, name+earlier)
	}
}

func (b *book) page(name string) *page {
	if p, ok := b.files[name]; ok {
		return p
	}
	if len(b.files) >= mostPages {
		b.close()
	}
	f, err := b.folder.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil
	}
	b.files[name] = &page{file: f, size: info.Size()}
	return b.files[name]
}

// close lets go of the file that was written to least lately.
func (b *book) close() {
	oldest := ""
	for name, p := range b.files {
		if oldest == "" || p.used.Before(b.files[oldest].used) {
			oldest = name
		}
	}
	_ = b.files[oldest].file.Close()
	delete(b.files, oldest)
}

// tell sends an attempt to journald, in its own protocol: NAME=VALUE a line.
// What a stranger wrote has no line's end in it, or the field is left out.
func (b *book) tell(a egress.Attempt) {
	if b.journal == nil {
		return
	}
	var text bytes.Buffer
	field := func(name, value string) {
		if value != "" && !bytes.ContainsAny([]byte(value), "\n\x00") {
			fmt.Fprintf(&text, "%s=%s\n", name, value)
		}
	}
	priority := "6"
	if a.Verdict == egress.Refused {
		priority = "5"
	}
	field("MESSAGE", fmt.Sprintf("%s: %s %s %s", a.Container, a.Verdict, a.Method, net.JoinHostPort(a.Host, strconv.Itoa(a.Port))))
	field("PRIORITY", priority)
	field("SYSLOG_IDENTIFIER", "strake-egress")
	field("STRAKE_CONTAINER", a.Container)
	field("STRAKE_METHOD", a.Method)
	field("STRAKE_HOST", a.Host)
	field("STRAKE_PORT", strconv.Itoa(a.Port))
	field("STRAKE_VERDICT", string(a.Verdict))
	field("STRAKE_RULE", a.Rule)
	field("STRAKE_SENT", strconv.FormatInt(a.Sent, 10))
	field("STRAKE_RECEIVED", strconv.FormatInt(a.Received, 10))
	field("STRAKE_DURATION_MS", strconv.FormatInt(a.Duration.Milliseconds(), 10))
	_ = b.journal.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)) // a journal that is stuck must not stop anybody
	_, _ = b.journal.Write(text.Bytes())
}

// spent is what was used of the day when an earlier process wrote it down.
func (b *book) spent() map[string]egress.Spent {
	text, err := b.folder.ReadFile(spentFile)
	var all map[string]egress.Spent
	if err == nil {
		_ = json.Unmarshal(text, &all) // what is damaged counts for nothing
	}
	return all
}

// keep writes it down.
func (b *book) keep(all map[string]egress.Spent) {
	text, err := json.Marshal(all)
	if err != nil || string(text) == b.kept {
		return
	}
	if err := b.folder.WriteFile(spentFile+".new", text, 0o600); err == nil && b.folder.Rename(spentFile+".new", spentFile) == nil {
		b.kept = string(text)
	}
}
