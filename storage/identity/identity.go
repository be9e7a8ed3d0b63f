// Package identity is the file that says whose directory this is: the member's
// identity, minted at random when the directory was first used, its name, and the
// cluster it belongs to once it does.
//
// The file is text for people, one key=value a line, with a checksum in the last:
//
//	balsa-member 1
//	id=7f3a90c2d4e1b855
//	name=a
//	cluster=03b1…            0000000000000000 while it belongs to none
//	replaces=5d…             only while an earlier member's files are set aside
//	lost=true                only if the directory is known to be an older image
//	diverged=3072            only if the state was found to differ from others' at that entry
//	crc32c=1a2b3c4d          over all that stands before this line
//
// It is replaced as a whole: written beside, synced, renamed, directory synced.
package identity

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

const (
	fileName = "member"
	tempName = "member.tmp"
	version  = 1
	maxSize  = 4096
)

// Identity is who a directory belongs to.
type Identity struct {
	ID      wire.MemberID
	Name    string
	Cluster wire.ClusterID // 0 while it belongs to none
	// Replaces is the member whose files are to be set aside before anything else
	// happens in the directory, 0 for none.
	Replaces wire.MemberID
	// Lost says that the directory holds less than this member has acknowledged, though
	// nothing in it looks damaged.
	Lost bool
	// Diverged is the entry after which the state differed from that of most members, 0
	// if it is not known to.
	Diverged wire.Index
}

var (
	// ErrNone says that the directory belongs to nobody yet.
	ErrNone = errors.New("no member lives here")
	// ErrDamaged says that the file is not what was written. It is an fsys.ErrDamaged.
	ErrDamaged = fmt.Errorf("the member file is %w; restore it, or start this member with an empty directory: it comes back as a new one", fsys.ErrDamaged)
	// ErrVersion says that a newer program wrote the file.
	ErrVersion = fsys.ErrNewerVersion
)

// Load reads the identity, and makes durable what it found. Errors: ErrNone, ErrDamaged,
// ErrVersion, or the file system's.
func Load(fs fsys.FS) (Identity, error) {
	text, err := read(fs)
	if err != nil {
		return Identity{}, err
	}
	// A process may have died after it had given the file its name and before that was on
	// the disk. The member acts on what it reads: without its cluster, a power failure
	// later would make of a log full of acknowledged entries a founding cut short.
	if err := fs.SyncDir(); err != nil {
		return Identity{}, fmt.Errorf("make the name of file %s durable: %w", fileName, err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	number, found := strings.CutPrefix(line, "balsa-member ")
	format, err := strconv.Atoi(number)
	if !found || err != nil {
		return Identity{}, fmt.Errorf("file %s: %w", fileName, ErrDamaged)
	}
	if format != version {
		return Identity{}, fmt.Errorf("file %s: %w: format %d, this program knows %d", fileName, ErrVersion, format, version)
	}
	return parse(text)
}

func read(fs fsys.FS) ([]byte, error) {
	f, err := fs.Open(fileName)
	if errors.Is(err, fsys.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxSize))
	if err != nil {
		return nil, fmt.Errorf("read file %s: %w", fileName, err)
	}
	return text, nil
}

// parse reads what encode wrote, and nothing else: there is one spelling of an identity,
// its checksum included, and what differs from it is damaged.
func parse(text []byte) (i Identity, err error) {
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "id":
			err = errors.Join(err, i.ID.UnmarshalText([]byte(value)))
		case "name":
			i.Name = value
		case "cluster":
			err = errors.Join(err, i.Cluster.UnmarshalText([]byte(value)))
		case "lost":
			i.Lost = value == "true"
		case "diverged":
			index, bad := strconv.ParseUint(value, 10, 64)
			i.Diverged, err = wire.Index(index), errors.Join(err, bad)
		case "replaces":
			err = errors.Join(err, i.Replaces.UnmarshalText([]byte(value)))
		}
	}
	if err != nil || i.ID == 0 || !bytes.Equal(text, encode(i)) {
		return Identity{}, fmt.Errorf("file %s: %w", fileName, ErrDamaged)
	}
	return i, nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, wire.Castagnoli) }

func encode(i Identity) []byte {
	text := fmt.Appendf(nil, "balsa-member %d\nid=%016x\nname=%s\ncluster=%016x\n", version, uint64(i.ID), i.Name, uint64(i.Cluster))
	if i.Replaces != 0 {
		text = fmt.Appendf(text, "replaces=%016x\n", uint64(i.Replaces))
	}
	if i.Lost {
		text = append(text, "lost=true\n"...)
	}
	if i.Diverged != 0 {
		text = fmt.Appendf(text, "diverged=%d\n", uint64(i.Diverged))
	}
	return fmt.Appendf(text, "crc32c=%08x\n", checksum(text))
}

// Save writes the identity; it is durable when Save returns nil. It refuses what Load
// would not read back: no ID, a name with a line break or too long for the file.
func Save(fs fsys.FS, i Identity) error {
	text := encode(i)
	if back, err := parse(text); err != nil || back != i || len(text) > maxSize {
		return fmt.Errorf("save identity: member %s named %.40q does not fit into the file's lines", i.ID, i.Name)
	}
	if err := write(fs, text); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	if err := fs.Rename(tempName, fileName); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	if err := fs.SyncDir(); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

func write(fs fsys.FS, text []byte) error {
	f, err := fs.Create(tempName)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	return f.Sync()
}
