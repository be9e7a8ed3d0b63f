package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

const (
	// formatVersion is the format that this program writes, and the newest it reads. Since
	// version 2 a hard state says whether the vote is promised.
	formatVersion = 2
	// headerSize is the number of bytes before a segment's first record.
	headerSize = 96

	segmentMagic = "BALSAWAL"
	segmentStem  = "wal-"
	spareStem    = "spare-"
	fileEnding   = ".log"
)

// A segment is one file of the log. Its fields do not change once it has a header;
// its handle and pins may be used by any goroutine.
type segment struct {
	sequence uint64
	name     string
	seed     uint32
	size     int64  // of the file, which was written to its end before it came into use
	version  uint32 // of the format that its header names

	handle handle
	// pins counts the views whose first entry it holds. Segments are freed from the
	// oldest on, so holding that one holds all that a view needs.
	pins atomic.Int32
}

func newSegment(member wire.MemberID, sequence uint64, size int64) *segment {
	return &segment{sequence: sequence, name: segmentName(sequence), seed: seedOf(member, sequence), size: size, version: formatVersion}
}

func segmentName(sequence uint64) string {
	return fmt.Sprintf("%s%016x%s", segmentStem, sequence, fileEnding)
}

func spareName(number uint64) string {
	return fmt.Sprintf("%s%016x%s", spareStem, number, fileEnding)
}

// parseName returns the number in a name that segmentName or spareName made.
func parseName(stem, name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, stem)
	digits, ending := strings.CutSuffix(digits, fileEnding)
	if !ok || !ending || len(digits) != 16 || digits != strings.ToLower(digits) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// A handle is a file that is opened by its first user and closed by its last. Users
// share it because a browser opens a file once only.
type handle struct {
	mu    sync.Mutex
	file  fsys.File
	users int
}

func (h *handle) acquire(files fsys.FS, name string) (fsys.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file == nil {
		file, err := files.Open(name)
		if err != nil {
			return nil, err
		}
		h.file = file
	}
	h.users++
	return h.file, nil
}

func (h *handle) release() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	if h.users > 0 {
		return nil
	}
	file := h.file
	h.file = nil
	return file.Close()
}

// state is what the records up to some place add up to.
type state struct {
	hard  HardState
	start wire.Pos // before the first entry held
	last  wire.Pos // of the last one
	time  int64    // of the last batch, 0 if there was none since the last reset
}

// possible says whether records can add up to it: its entries follow each other, and there
// is an index for one more.
func (s state) possible() bool {
	return s.start.Index <= s.last.Index && s.last.Index+1 > 0
}

// A header opens every segment. It repeats what the segments before it add up to, so
// that they can be freed:
//
//	 0  [8]  "BALSAWAL"
//	 8  u32  format version, 2
//	12  u32  CRC-32C of bytes 0 to 11 and 16 to 95
//	16  u64  sequence number, the one in the file's name
//	24  u64  member whose log it is
//	32  u32  CRC of the last record of the segment before, 0 for the first segment
//	36  u32  size of the file, in blocks of 4 KiB
//	40  u64  term; its highest bit stands if the vote is not promised away
//	48  u64  vote
//	56  u64  term of the position before the first entry held
//	64  u64  index of it
//	72  u64  term of the last entry before this segment
//	80  u64  index of it
//	88  i64  time of the last batch before this segment
//	96       the records
//
// These 96 bytes stay in place, checksum included, in every later version; so a
// header of a later one can be told from a damaged header.
type header struct {
	sequence uint64
	member   wire.MemberID
	prev     uint32
	size     int64
	state    state
}

func appendHeader(buf []byte, h header) []byte {
	at := len(buf)
	buf = append(buf, segmentMagic...)
	buf = binary.LittleEndian.AppendUint32(buf, formatVersion)
	buf = binary.LittleEndian.AppendUint32(buf, 0)
	buf = binary.LittleEndian.AppendUint64(buf, h.sequence)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(h.member))
	buf = binary.LittleEndian.AppendUint32(buf, h.prev)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(h.size/blockBytes))
	for _, v := range [...]uint64{
		packTerm(h.state.hard), uint64(h.state.hard.Vote),
		uint64(h.state.start.Term), uint64(h.state.start.Index),
		uint64(h.state.last.Term), uint64(h.state.last.Index),
		uint64(h.state.time),
	} {
		buf = binary.LittleEndian.AppendUint64(buf, v)
	}
	binary.LittleEndian.PutUint32(buf[at+12:], headerChecksum(buf[at:]))
	return buf
}

func headerChecksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], wire.Castagnoli), wire.Castagnoli, b[16:headerSize])
}

// parseHeader reads a header whose checksum is right and reports its format version;
// of a version newer than this program's it reads no more than that.
func parseHeader(b []byte) (h header, version uint32, ok bool) {
	if len(b) < headerSize || string(b[:8]) != segmentMagic || headerChecksum(b) != binary.LittleEndian.Uint32(b[12:]) {
		return header{}, 0, false
	}
	if version = binary.LittleEndian.Uint32(b[8:]); version > formatVersion {
		return header{}, version, true
	}
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return header{
		sequence: u64(16),
		member:   wire.MemberID(u64(24)),
		prev:     binary.LittleEndian.Uint32(b[32:]),
		size:     int64(binary.LittleEndian.Uint32(b[36:])) * blockBytes,
		state: state{
			hard:  unpackHardState(u64(40), u64(48)),
			start: wire.Pos{Term: wire.Term(u64(56)), Index: wire.Index(u64(64))},
			last:  wire.Pos{Term: wire.Term(u64(72)), Index: wire.Index(u64(80))},
			time:  int64(u64(88)),
		},
	}, version, true
}
