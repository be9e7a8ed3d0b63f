package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/wire"
)

// backupCommand writes what a cluster holds into a file, while it serves on.
type backupCommand struct {
	File   string        `arg:"" optional:"" help:"File to write, which must not be there; - is standard output." placeholder:"FILE"`
	Server []string      `help:"Addresses of members' HTTP ports; the first that can do it is backed up. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	To     string        `help:"Directory to write into, under a name made of the cluster, the time and the index." type:"path" placeholder:"DIR"`
	Every  time.Duration `help:"Go on, with a backup so often; needs --to." placeholder:"TIME"`
	Keep   int           `help:"With --to: how many backups of this cluster stay, the newest. Default: ${default}; 0 keeps all." default:"24" placeholder:"N"`
	Stale  bool          `help:"Take what a member has, though it may lack what was acknowledged lately; for a cluster without a leader."`
	Check  bool          `help:"Make none: read FILE, and say whether it is whole and what it is of."`
	JSON   bool          `name:"json" help:"Print what was done as JSON."`
	credentials
}

// Run makes one backup, or one after the other until a signal comes.
func (b backupCommand) Run(ctx context.Context, c console) error {
	switch {
	case (b.File == "") == (b.To == ""):
		return fmt.Errorf("%w: give a FILE, or --to a directory", errUsage)
	case b.Every < 0 || b.Every > 0 && b.To == "":
		return fmt.Errorf("%w: --every is how often, such as 1h, and needs --to", errUsage)
	case b.Keep < 0:
		return fmt.Errorf("%w: --keep is how many stay, or 0 for all", errUsage)
	case b.Check && (b.File == "" || b.Every > 0):
		return fmt.Errorf("%w: --check reads one FILE", errUsage)
	}
	switch {
	case b.Check:
		return b.check(c)
	case b.File == "-":
		_, err := b.take(ctx, c, c.stdout)
		return err
	case b.Every > 0:
		return b.repeat(ctx, c)
	}
	return b.once(ctx, c)
}

func (b backupCommand) once(ctx context.Context, c console) error {
	done, err := b.save(ctx, c)
	if err != nil {
		return err
	}
	return b.print(c.stdout, done)
}

// retryEvery is how long a backup that failed waits for the next try at most.
const retryEvery = time.Minute

// repeat makes backups until ctx ends. One that fails is said, and tried again.
func (b backupCommand) repeat(ctx context.Context, c console) error {
	for {
		pause := b.Every
		if err := b.once(ctx, c); err != nil && ctx.Err() == nil {
			pause = min(b.Every, retryEvery)
			fmt.Fprintf(c.stderr, "balsa: no backup was made, the next try is in %s: %v\n", pause, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// backedUp is what a backup prints as JSON.
type backedUp struct {
	File string `json:"file"`
	backup.Info
	Members string   `json:"members"`
	Bytes   int64    `json:"bytes"`
	Removed []string `json:"removed,omitempty"` // older ones
}

func (b backupCommand) print(w io.Writer, done backedUp) error {
	if b.JSON {
		return printJSON(w, done)
	}
	_, err := fmt.Fprintf(w, "%s: cluster %s up to entry %d of term %d, at %s; %s\n",
		done.File, done.Cluster, done.Index, done.Term, done.Time.UTC().Format(time.RFC3339), byteSize(done.Bytes))
	for _, name := range done.Removed {
		fmt.Fprintf(w, "removed the older %s\n", name)
	}
	return err
}

// save makes a backup in a file, which has its name once it is whole and on the disk.
func (b backupCommand) save(ctx context.Context, c console) (done backedUp, err error) {
	dir, temp := filepath.Split(b.File)
	if b.To != "" {
		dir, temp = b.To, "balsa"
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return done, err
		}
	} else if _, err := os.Lstat(b.File); err == nil {
		return done, fmt.Errorf("%s is there already; choose another name, or remove it", b.File)
	}
	f, err := os.CreateTemp(dir, "."+temp+".part-*")
	if err != nil {
		return done, err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	info, err := b.take(ctx, c, f)
	if err == nil {
		err = f.Sync()
	}
	size, _ := f.Seek(0, io.SeekEnd)
	if err := errors.Join(err, f.Close()); err != nil {
		return done, err
	}
	name := b.File
	if b.To != "" {
		name = filepath.Join(dir, backupName(info))
	}
	if err := errors.Join(os.Rename(f.Name(), name), syncDirectory(dir)); err != nil {
		return done, err
	}
	done = backedUp{File: name, Info: info, Members: info.Members.String(), Bytes: size}
	if b.To != "" && b.Keep > 0 {
		done.Removed, err = thinOut(dir, info.Cluster, b.Keep)
	}
	return done, err
}

const (
	backupPrefix = "balsa-"
	backupEnding = ".zst"
	backupTime   = "20060102T150405Z" // which sorts by time, as text
)

// backupName is a backup's in a directory of them.
func backupName(i backup.Info) string {
	return fmt.Sprintf("%s%s-%s-%d%s", backupPrefix, i.Cluster, time.Now().UTC().Format(backupTime), i.Index, backupEnding)
}

// thinOut removes all but the newest backups of a cluster, and says which.
func thinOut(dir string, cluster wire.ClusterID, keep int) (removed []string, err error) {
	entries, err := os.ReadDir(dir) // by name, and so by time
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), backupPrefix+cluster.String()+"-")
		at, _, _ := strings.Cut(rest, "-")
		if _, wrong := time.Parse(backupTime, at); ours && wrong == nil && e.Type().IsRegular() && strings.HasSuffix(rest, backupEnding) {
			names = append(names, e.Name())
		}
	}
	for _, name := range names[:max(0, len(names)-keep)] {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return removed, fmt.Errorf("remove an older backup: %w", err)
		}
		removed = append(removed, filepath.Join(dir, name))
	}
	return removed, nil
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// take writes a backup of the first member that gives one, and checks what it writes.
func (b backupCommand) take(ctx context.Context, c console, to io.Writer) (backup.Info, error) {
	token, err := b.token()
	if err != nil {
		return backup.Info{}, err
	}
	members, err := b.client()
	if err != nil {
		return backup.Info{}, err
	}
	defer members.CloseIdleConnections()
	var errs []error
	for _, server := range b.Server {
		answer, err := askBackup(ctx, members, server, token, b.Stale)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		defer answer.Body.Close()
		p := startProgress(c.quiet(b.JSON), "backup", inBytes, stateSize(ctx, members, server, token))
		defer p.end()
		info, err := checkBackup(io.TeeReader(answer.Body, to), "that "+server+" sends", p)
		if err != nil && (ctx.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF)) {
			return info, fmt.Errorf("the backup of %s broke off: %w", server, err)
		}
		return info, err
	}
	return backup.Info{}, errors.Join(errs...)
}

// stateSize is about how large a member's state is, before it is compressed: as large as in
// its last snapshot, 0 if it has none or does not say.
func stateSize(ctx context.Context, members *http.Client, server, token string) int64 {
	_, s, _ := askStatus(ctx, members, server, token) // without it, nobody knows how long it takes
	return s.StateBytes
}

// checkBackup reads a whole backup, and tells how much of its state was read.
func checkBackup(r io.Reader, name string, p *progress) (backup.Info, error) {
	b, err := backup.Open(r, name)
	if err != nil {
		return backup.Info{}, err
	}
	_, err = io.Copy(p.writer(io.Discard), b)
	return b.Info, errors.Join(err, b.Close())
}

// askBackup begins a backup of a member.
func askBackup(ctx context.Context, members *http.Client, server, token string, stale bool) (*http.Response, error) {
	path := backup.Path
	if stale {
		path += "?stale=true"
	}
	answer, err := askMember(ctx, members, http.MethodGet, server, path, token)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		return nil, fmt.Errorf("%s: %w", server, backup.Refusal(answer))
	}
	return answer, nil
}

// check says what a backup is of, and whether it is whole.
func (b backupCommand) check(c console) error {
	f, size, err := openBackup(c, b.File)
	if err != nil {
		return err
	}
	defer f.Close()
	p := startProgress(c.quiet(b.JSON), "check", inBytes, size)
	counted := &countingReader{Reader: p.reader(f)}
	info, err := backup.Check(counted, b.File)
	p.end()
	if err != nil {
		return ofBackup(err)
	}
	return b.print(c.stdout, backedUp{File: b.File, Info: info, Members: info.Members.String(), Bytes: counted.n})
}

// errNewerBackup says that it is a backup that a newer version has written, and not a
// directory.
var errNewerBackup = errors.New("the backup is not understood")

// ofBackup is an error of reading a backup, on whichever side.
func ofBackup(err error) error {
	if errors.Is(err, balsa.ErrNewerVersion) {
		return fmt.Errorf("%w: %w", errNewerBackup, err)
	}
	return err
}

// openBackup opens a file, or standard input for -, and says how large it is, 0 if that is
// not known.
func openBackup(c console, name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(c.stdin), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	i, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, i.Size(), nil
}

// countingReader counts what is read.
type countingReader struct {
	io.Reader
	n int64
}

func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.n += int64(n)
	return n, err
}
