package wal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/balsaraft/balsa/fsys"
)

// Open reads a log back, or begins one where there is none. The directory may hold
// other files, whose names the log leaves alone, and must be one process's own.
//
// A torn tail, what a crash left of the flush that was under way, is cut off. Anything
// else that does not verify is a DamageError; a segment of another member's is a
// MemberError, one of a newer program's a VersionError: after these, and after an
// error to read, nothing was changed.
func Open(files fsys.FS, o Options) (*Log, error) {
	o = o.withDefaults()
	names, err := files.List()
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	found, member, err := candidates(files, names, o.Member)
	if err != nil {
		return nil, err
	}
	r := &recovery{files: files, member: member}
	if err := r.run(found); err != nil {
		return nil, err
	}
	if err := r.settle(); err != nil {
		return nil, err
	}
	l := r.log(o)
	l.spares.discard(names)
	if err := l.sweep(r); err != nil {
		return nil, err
	}
	return l, nil
}

// log is the log that was read.
func (r *recovery) log(o Options) *Log {
	s := &spares{files: r.files, size: o.SegmentBytes}
	for _, seg := range slices.Concat(r.dead, r.segments, r.ready, r.unused) {
		s.grew(seg.size)
	}
	l := &Log{
		files: r.files, options: o, spares: s,
		hard: r.state.hard, start: r.state.start, last: r.state.last, time: r.state.time, onDisk: r.state.last.Index,
		cache: cache{limit: o.CacheBytes}, marks: r.marks, segments: r.segments, filled: r.offset, spans: r.spans,
		writer: writer{
			files: r.files, spares: s, member: r.member, reserve: min(maxReserve, o.SegmentBytes/8),
			tail: r.tail, ready: r.ready,
		},
	}
	l.writer.pen = pen{writer: &l.writer, piece: pieceOf(o.SegmentBytes), seg: r.seg, at: r.offset - int64(len(r.block)), buf: r.block}
	return l
}

// settle makes durable what was read, before anyone acts on it: a process that died,
// or that stopped because a sync failed, may have left in the system's cache what is
// not on the disk, and a sync alone would pass over it (fsyncgate). Only the last
// flush is in doubt, so it is written again, as it is. What a torn flush left after
// the log's end is written over: else a record that is written later, the very same as
// the one that was torn, would bring back those after it. The names need no sync, each
// was durable before its segment was written or announced.
func (r *recovery) settle() error {
	for _, t := range r.torn {
		if err := rewrite(r.files, t.seg, func(file fsys.File) error { return fill(file, t.from, t.to) }); err != nil {
			return fmt.Errorf("clear %s from offset %d to %d: %w", t.seg.name, t.from, t.to, err)
		}
	}
	if r.seg == nil {
		return nil
	}
	err := rewrite(r.files, r.seg, func(file fsys.File) error {
		if err := again(file, r.flush, r.offset); err != nil {
			return err
		}
		r.block = fsys.Blocks(nil, blockBytes)[:r.offset%blockBytes]
		return readAt(file, r.block, r.offset-int64(len(r.block)))
	})
	if err != nil {
		return fmt.Errorf("write %s again from offset %d to %d: %w", r.seg.name, r.flush, r.offset, err)
	}
	return nil
}

func rewrite(files fsys.FS, seg *segment, do func(fsys.File) error) error {
	file, err := seg.handle.acquire(files, seg.name)
	if err != nil {
		return err
	}
	return errors.Join(do(file), seg.handle.release())
}

// again writes a part of a file over itself and syncs it.
func again(file fsys.File, from, to int64) error {
	b := make([]byte, to-from)
	if err := readAt(file, b, from); err != nil {
		return err
	}
	if _, err := file.WriteAt(b, from); err != nil {
		return err
	}
	return file.Sync()
}

// readAt reads all of b. That its last byte is the file's is no error.
func readAt(file fsys.File, b []byte, off int64) error {
	if n, err := file.ReadAt(b, off); n < len(b) {
		return err
	}
	return nil
}

// sweep frees the segments that a crash kept from being freed, and removes those that
// were named and never came into use: the last first, so that no crash leaves a later
// one without those before it.
func (l *Log) sweep(r *recovery) error {
	for _, seg := range slices.Concat(r.dead, l.unneeded()) {
		l.spares.recycle(seg)
	}
	for i, seg := range slices.Backward(r.unused) {
		l.spares.remove(seg.name, seg.size)
		if i > 0 {
			if err := l.files.SyncDir(); err != nil {
				return fmt.Errorf("sync the directory after removing %s: %w", seg.name, err)
			}
		}
	}
	return nil
}
