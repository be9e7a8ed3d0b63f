package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// logCommand looks into the files of a member that does not run. It changes none of them.
type logCommand struct {
	Dump   logDump   `cmd:"" help:"Print what stands in the log, damaged or not."`
	Verify logVerify `cmd:"" help:"Say whether identity, log and snapshots are whole."`
}

// stopped is the directory of a member that does not run, held so that none starts.
type stopped struct {
	fsys.FS
	lock io.Closer
	dir  string
}

func openStopped(dir string) (stopped, error) {
	files, err := fsys.Dir(dir)
	if err != nil {
		return stopped{}, err
	}
	lock, err := files.Lock()
	if errors.Is(err, fsys.ErrLocked) {
		return stopped{}, fmt.Errorf("%w: stop the member first", err)
	}
	return stopped{files, lock, dir}, err
}

func (s stopped) Close() error { return s.lock.Close() }

type logDump struct {
	Dir  string `arg:"" type:"existingdir" help:"Directory of a member that does not run."`
	From uint64 `help:"The first entry to print." placeholder:"INDEX"`
	To   uint64 `help:"The last entry to print." placeholder:"INDEX"`
	JSON bool   `name:"json" help:"Print a line of JSON for each."`
}

// dumped is a line of a dump.
type dumped struct {
	File   string        `json:"file"`
	Offset int64         `json:"offset"`
	Kind   string        `json:"kind"` // of an entry, or of another record
	Index  wire.Index    `json:"index,omitempty"`
	Term   wire.Term     `json:"term,omitempty"`
	Time   string        `json:"time,omitempty"`
	Bytes  int64         `json:"bytes"`
	Vote   wire.MemberID `json:"vote,omitzero"`
	What   string        `json:"what,omitempty"`
}

// Run prints a line for each entry and each other record.
func (d logDump) Run(c console) error {
	s, err := openStopped(d.Dir)
	if err != nil {
		return err
	}
	defer s.Close()
	var failed error
	err = wal.Inspect(s, func(f wal.Finding) bool {
		if f.Kind != "batch" {
			if d.From == 0 && d.To == 0 {
				failed = d.print(c.stdout, lineOf(f))
			}
			return failed == nil
		}
		for index, e := range f.Batch.Entries() {
			if uint64(index) < d.From || d.To != 0 && uint64(index) > d.To {
				continue
			}
			if failed = d.print(c.stdout, entryLine(f, index, e)); failed != nil {
				return false
			}
		}
		return true
	})
	return errors.Join(err, failed)
}

func (d logDump) print(w io.Writer, l dumped) error {
	if d.JSON {
		return json.NewEncoder(w).Encode(l)
	}
	place := fmt.Sprintf("%s:%d", l.File, l.Offset)
	if l.Index == 0 {
		_, err := fmt.Fprintf(w, "%-32s %s %s\n", place, l.Kind, l.What)
		return err
	}
	_, err := fmt.Fprintf(w, "%-32s %d/%d %s %s %d bytes %s\n", place, l.Term, l.Index, l.Time, l.Kind, l.Bytes, l.What)
	return err
}

func lineOf(f wal.Finding) dumped {
	l := dumped{File: f.File, Offset: f.Offset, Kind: f.Kind, Bytes: f.Size, What: f.Reason}
	switch f.Kind {
	case "segment":
		l.What = fmt.Sprintf("of %d bytes, after entry %s", f.Size, f.Pos)
	case "hard-state":
		l.Term, l.Vote = f.Hard.Term, f.Hard.Vote
		l.What = fmt.Sprintf("term %d, vote for %s", f.Hard.Term, f.Hard.Vote)
		if f.Hard.Promised {
			l.What += ", which may be promised to a lease"
		}
	case "compact", "reset":
		l.Term, l.What = f.Pos.Term, "up to "+f.Pos.String()
	case "gap":
		l.What = fmt.Sprintf("of %d bytes: %s", f.Size, f.Reason)
	}
	return l
}

func entryLine(f wal.Finding, index wire.Index, e wire.Entry) dumped {
	return dumped{
		File: f.File, Offset: f.Offset, Kind: e.Kind.String(), Index: index, Term: f.Batch.Term(), Bytes: int64(len(e.Payload)),
		Time: time.Unix(0, f.Batch.Time()).UTC().Format(time.RFC3339Nano), What: describe(e),
	}
}

// describe says what an entry asks of the key-value store, or who the members are.
func describe(e wire.Entry) string {
	if e.Kind == wire.KindMembership {
		m, err := wire.DecodeMembership(e.Payload)
		if err != nil {
			return err.Error()
		}
		return m.String()
	}
	data, runs, err := balsa.CommandIn(e)
	if err != nil {
		return err.Error()
	}
	if !runs {
		return ""
	}
	var command kv.Command
	if err := command.UnmarshalBinary(data); err != nil {
		return err.Error()
	}
	var ops []string
	for _, o := range append(command.Then, command.Else...) {
		ops = append(ops, fmt.Sprintf("%s %q", o.Kind, o.Key))
	}
	return strings.Join(ops, ", ")
}

type logVerify struct {
	Dir  string `arg:"" type:"existingdir" help:"Directory of a member that does not run."`
	JSON bool   `name:"json" help:"Print what was found as JSON."`
}

// verified is what a verification prints as JSON.
type verified struct {
	Name      string             `json:"name,omitempty"`
	ID        wire.MemberID      `json:"id"`
	Cluster   wire.ClusterID     `json:"cluster"`
	Segments  int                `json:"segments"`
	Term      wire.Term          `json:"term"`
	First     wire.Index         `json:"first"` // entry in the log; none if it is after last
	Last      wire.Index         `json:"last"`
	Torn      int64              `json:"torn_bytes"` // of a flush that a crash cut off, which is no damage
	Snapshots []verifiedSnapshot `json:"snapshots"`
	Problems  []string           `json:"problems"`
}

type verifiedSnapshot struct {
	File  string     `json:"file"`
	Index wire.Index `json:"index"`
	Bytes int64      `json:"bytes"` // of state
}

// errNotWhole says that files are damaged; which, was printed.
var errNotWhole = errors.New("not everything is whole")

// Run reads everything.
func (l logVerify) Run(c console) error {
	s, err := openStopped(l.Dir)
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := s.verify(c.quiet(l.JSON))
	if err != nil {
		return err
	}
	if l.JSON {
		err = printJSON(c.stdout, v)
	} else {
		err = v.print(c.stdout)
	}
	if err == nil && len(v.Problems) > 0 {
		err = fmt.Errorf("%s: %w: %d problems", l.Dir, errNotWhole, len(v.Problems))
	}
	return err
}

// verifyLog reads the log, each byte of its files at least once.
func (s stopped) verifyLog(out io.Writer) (wal.Summary, error) {
	p := startProgress(out, "log", inBytes, s.logBytes())
	defer p.end()
	return wal.Verify(readCounter{s.FS, p})
}

// logBytes is what the log's files take, as far as that can be told.
func (s stopped) logBytes() (sum int64) {
	names, err := s.List()
	if err != nil {
		return 0
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "wal-") {
			continue
		}
		if info, err := os.Stat(filepath.Join(s.dir, name)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// readCounter are files of which a progress knows what was read.
type readCounter struct {
	fsys.FS
	read *progress
}

func (r readCounter) Open(name string) (fsys.File, error) {
	f, err := r.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return countedFile{f, r.read}, nil
}

type countedFile struct {
	fsys.File
	read *progress
}

func (f countedFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	f.read.add(int64(n))
	return n, err
}

// verify reads everything, and tells out how far it is.
func (s stopped) verify(out io.Writer) (v verified, err error) {
	v.Snapshots, v.Problems = []verifiedSnapshot{}, []string{}
	problem := func(err error) {
		if err != nil {
			v.Problems = append(v.Problems, err.Error())
		}
	}
	who, err := identity.Load(s)
	if errors.Is(err, identity.ErrNone) {
		return v, fmt.Errorf("%s: %w", s.dir, err)
	}
	problem(err)
	v.Name, v.ID, v.Cluster = who.Name, who.ID, who.Cluster
	log, err := s.verifyLog(out)
	problem(err)
	v.Segments, v.Term, v.First, v.Last, v.Torn = log.Segments, log.Hard.Term, log.Start.Index+1, log.Last.Index, log.Torn
	names, err := s.List()
	if err != nil {
		return v, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "snap-") && filepath.Ext(name) == "" {
			found, err := s.verifySnapshot(out, name)
			problem(err)
			if err == nil {
				v.Snapshots = append(v.Snapshots, found)
			}
		}
	}
	return v, nil
}

func (s stopped) verifySnapshot(out io.Writer, name string) (found verifiedSnapshot, err error) {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return found, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return found, err
	}
	p := startProgress(out, name, inBytes, info.Size())
	defer p.end()
	state, err := snapshot.NewDecoder(p.reader(f), name)
	if err != nil {
		return found, err
	}
	size, err := io.Copy(io.Discard, state)
	return verifiedSnapshot{name, state.Meta().Pos.Index, size}, err
}

func (v verified) print(w io.Writer) error {
	text := fmt.Sprintf("Member %s (%s) of cluster %s\n", v.Name, v.ID, v.Cluster)
	text += fmt.Sprintf("  log        entries %d to %d in %d files, term %d\n", v.First, v.Last, v.Segments, v.Term)
	if v.Torn > 0 {
		text += fmt.Sprintf("  torn       %d bytes of the last write, which a crash cut off before it was acknowledged: no damage\n", v.Torn)
	}
	for _, s := range v.Snapshots {
		text += fmt.Sprintf("  snapshot   up to entry %d, %s: whole\n", s.Index, byteSize(s.Bytes))
	}
	for _, problem := range v.Problems {
		text += "  PROBLEM    " + problem + "\n"
	}
	if len(v.Problems) == 0 {
		text += "All of it is whole.\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
