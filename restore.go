package balsa

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

// ErrBackup: what was given to Restore is cut short or altered, or no backup at all. It
// comes with ErrDamaged, as a *snapshot.DamageError.
var ErrBackup = snapshot.ErrBackup

// Restoration is what Restore has made.
type Restoration = host.Restoration

// ErrNotEmpty: Restore makes a member in an empty directory only, and Config.Dir is none.
var ErrNotEmpty = host.ErrNotEmpty

// Restore makes of a backup, as Node.Backup writes it, the member Config.Name in the empty
// directory Config.Dir. It is the only one of a new cluster, which begins after the
// backup's last entry, and knows which commands have run before, so that one that is sent
// again runs no second time. Open it as ever; others become members with Join and empty
// directories. Members of the cluster that the backup is of are refused by it and refuse
// it.
//
// The whole backup is checked. An error leaves a directory that Open refuses, and into
// which Restore may be repeated. Errors: ErrConfig, ErrLocked, ErrNotEmpty, ErrBackup
// with the place (*snapshot.DamageError),
// ErrNewerVersion, those of backup, and the file system's.
func Restore(cfg Config, backup io.Reader) (Restoration, error) {
	switch {
	case cfg.inMemory():
		return Restoration{}, fmt.Errorf("balsa: restore: %w: Dir is empty, and a member in memory would leave nothing", ErrConfig)
	case cfg.Name == "":
		return Restoration{}, fmt.Errorf("balsa: restore: %w: Name is empty, and the member needs one", ErrConfig)
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Restoration{}, err
	}
	r, err := restoreMember(cfg, backup)
	if err != nil {
		return r, fmt.Errorf("balsa: restore into %s: %w", cfg.where(), err)
	}
	return r, nil
}

func restoreMember(cfg Config, backup io.Reader) (Restoration, error) {
	files, err := cfg.files()
	if err != nil {
		return Restoration{}, err
	}
	lock, err := files.Lock()
	if err != nil {
		return Restoration{}, err
	}
	defer lock.Close()
	return host.Restore(files, cfg.Name, cfg.Random, backup)
}

// ErrOtherCluster: the backup given to Node.Restore is of another cluster.
var ErrOtherCluster = errors.New("the backup is of another cluster")

// A RestoreOption says what Node.Restore may do.
type RestoreOption func(*restoreOptions)

type restoreOptions struct{ otherCluster bool }

// OtherCluster lets Node.Restore take a backup of another cluster. It must be of the same
// program: members whose state machine cannot read it stop.
func OtherCluster() RestoreOption { return func(o *restoreOptions) { o.otherCluster = true } }

const bringingBack = "restore a backup"

// Restore replaces the state of the running cluster by that of a backup, as Backup writes
// it, and returns the index of the log at which it did: every member changes to it there,
// those that are away now once they come to it, and commands before it are gone from the
// state. Members and sessions stay those of the cluster. So a command that has run is
// answered as it was when it is sent again, and does not run on the state of the backup;
// one that is acknowledged later than Restore has run on that.
//
// The backup goes through the log in pieces, beside commands, which go on until it is
// there, and needs twice its room on each member's disk for a while. Nothing is changed
// before all of it was read, checked and committed; while Restore runs members take no
// snapshots. With the last piece each member stands still for as long as it takes to read
// the state in.
//
// Any member takes it, one Restore at a time. The state machine's Restore gets what its
// Snapshot wrote, as ever; see Rewinder for one that wants to know. Errors, besides those
// of Propose: ErrBackup with the place (*snapshot.DamageError), ErrOtherCluster without that
// option, ErrNewerVersion, ErrClusterVersion while a member is too old for it, what a
// Rewinder does not accept, and those of backup, all with ErrNotCommitted. After ErrUnknown alone the state may yet become that of the backup; so
// may it after giving up the wait with ctx.
func (n *Node[S, C, R]) Restore(ctx context.Context, backup io.Reader, options ...RestoreOption) (Index, error) {
	var o restoreOptions
	for _, option := range options {
		option(&o)
	}
	if err := n.mayRestore(ctx); err != nil {
		return 0, err
	}
	from, state, err := n.openBackup(backup, o)
	if err != nil {
		return 0, outcome(bringingBack, true, err)
	}
	id := restoring.ID(n.cfg.Random() | 1)
	finish, err := n.sendPieces(ctx, id, state)
	if err == nil {
		finish.Beyond = from.Pos.Index
		err = n.reach(ctx, finish.Beyond)
	}
	if err != nil {
		n.giveUpRestore(ctx, id)
		return 0, outcome(bringingBack, true, reasonOf(err))
	}
	// Should another leader's entries have taken the place of those that do nothing, the log
	// is too short again.
	for {
		err = n.proposeRestore(ctx, nil, restoring.AppendFinish(nil, id, finish))
		if !errors.Is(err, restoring.ErrBehind) {
			break
		}
		if err = n.reach(ctx, finish.Beyond); err != nil {
			break
		}
	}
	if err != nil {
		if !errors.Is(err, ErrUnknown) {
			n.giveUpRestore(ctx, id)
		}
		return 0, err
	}
	n.machine.mu.RLock()
	defer n.machine.mu.RUnlock()
	return n.machine.rewound.at, nil
}

// mayRestore says whether all members understand what a restore brings to the log.
func (n *Node[S, C, R]) mayRestore(ctx context.Context) error {
	if n.Status().Version.Log >= wire.RestoreVersion {
		return nil
	}
	// This member may not have applied yet that the cluster's version has risen.
	if err := n.Read(ctx, func(S) {}); err != nil {
		return outcome(bringingBack, true, reasonOf(err))
	}
	if has := n.Status().Version; has.Log < wire.RestoreVersion {
		return outcome(bringingBack, true, fmt.Errorf("%w: not all members understand more than version %s; upgrade them first", ErrClusterVersion, has))
	}
	return nil
}

// openBackup reads what a backup is of, and up to where its state begins.
func (n *Node[S, C, R]) openBackup(backup io.Reader, o restoreOptions) (snapshot.Meta, io.Reader, error) {
	file, err := snapshot.NewDecoder(backup, "the backup")
	if err != nil {
		return snapshot.Meta{}, nil, err
	}
	meta := file.Meta()
	if ours := n.Status().Cluster; meta.Cluster != ours && !o.otherCluster {
		return meta, nil, fmt.Errorf("%w: it is of cluster %s, and this is cluster %s", ErrOtherCluster, meta.Cluster, ours)
	}
	_, sessions, err := readContentHead(file)
	if err == nil {
		_, err = io.CopyN(io.Discard, file, sessions)
	}
	if err != nil {
		return meta, nil, fmt.Errorf("read the backup's sessions: %w", err)
	}
	const enough = 4 << 10
	state := bufio.NewReaderSize(file, enough)
	if rewinder, ok := any(n.machine.sm).(Rewinder); ok {
		head, err := state.Peek(enough)
		if err != nil && err != io.EOF {
			return meta, nil, err
		}
		if err := rewinder.Accepts(head); err != nil {
			return meta, nil, err
		}
	}
	return meta, state, nil
}

const (
	pieceBytes = 256 << 10
	// piecesUnderWay is how many wait for their answer at a time.
	piecesUnderWay = 16
)

// sendPieces brings the state to the log, and says what it is when all of it is there.
func (n *Node[S, C, R]) sendPieces(ctx context.Context, id restoring.ID, state io.Reader) (f restoring.Finish, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := make(chan chan error, piecesUnderWay) // in order
	settled := make(chan error, 1)
	go func() {
		var first error
		for answer := range answers {
			if err := <-answer; err != nil && first == nil {
				first = err
				cancel(err)
			}
		}
		settled <- first
	}()
	for end := false; !end && err == nil && ctx.Err() == nil; {
		data := make([]byte, pieceBytes)
		var read int
		read, err = io.ReadFull(state, data)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			end, err = true, nil
		}
		if err != nil || read == 0 && f.Pieces > 0 {
			break
		}
		data = data[:read]
		head := restoring.AppendPiece(nil, id, f.Pieces)
		f.Pieces, f.Bytes, f.Sum = f.Pieces+1, f.Bytes+int64(read), crc32.Update(f.Sum, wire.Castagnoli, data)
		answer := make(chan error, 1)
		answers <- answer
		go func() { answer <- n.proposeRestore(ctx, head, data) }()
	}
	close(answers)
	if refused := <-settled; err == nil {
		err = refused
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return f, err
}

// proposeRestore brings an entry of a restore to the log.
func (n *Node[S, C, R]) proposeRestore(ctx context.Context, head, body []byte) error {
	_, err := n.relay(ctx, bringingBack, func() (*call[R], error) {
		return n.hand(ctx, proposal{wire.KindRestore, head, body})
	})
	return err
}

// reach makes the log reach to an index.
func (n *Node[S, C, R]) reach(ctx context.Context, index Index) error {
	if n.Status().Applied >= index {
		return nil
	}
	return n.control(ctx, host.Command{Op: host.Reach, Index: index})
}

// giveUpRestore lets members take snapshots again at once. Should it not come that far, they
// do once a leader gives up waiting for more.
func (n *Node[S, C, R]) giveUpRestore(ctx context.Context, id restoring.ID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := n.proposeRestore(ctx, nil, restoring.AppendGiveUp(nil, id)); err != nil {
		n.cfg.Logger.Info("a restore was not given up in time; members take snapshots again in half a minute", "error", err)
	}
}
