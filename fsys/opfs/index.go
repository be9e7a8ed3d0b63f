package opfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/balsaraft/balsa/fsys"
)

// index is which numbered file has which name, as of one SyncDir.
//
// It is written to two slots in turn, the newer of which counts:
//
//	 0  u32  magic "BALX"
//	 4  u8   version, 1
//	 5  u24  0, reserved
//	 8  u64  sequence: how many indexes were written before this one
//	16  u32  length of what follows
//	20  u32  CRC-32C of bytes 0 to 19 and of what follows
//	24  uvarint  the next number to give out
//	    uvarint  how many names follow, in ascending order; for each
//	             uvarint length and bytes of the name, uvarint number
type index struct {
	sequence uint64
	next     uint64
	numbers  map[string]uint64
}

const indexMagic uint32 = 0x584c4142

const (
	indexVersion = 1
	indexHead    = 24
	// slotSize bounds an index: more than a thousand names.
	slotSize = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTooManyFiles = fmt.Errorf("%w: too many files in one directory", fsys.ErrNoSpace)

// slot is where an index of this sequence goes.
func slot(sequence uint64) int64 { return int64(sequence%2) * slotSize }

func (x index) append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, indexHead)...)
	b = binary.AppendUvarint(b, x.next)
	b = binary.AppendUvarint(b, uint64(len(x.numbers)))
	for _, name := range slices.Sorted(maps.Keys(x.numbers)) {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		b = binary.AppendUvarint(b, x.numbers[name])
	}
	all := b[start:]
	if len(all) > slotSize {
		return nil, fmt.Errorf("%w: %d names take %d bytes, %d are the most", errTooManyFiles, len(x.numbers), len(all), slotSize)
	}
	binary.LittleEndian.PutUint32(all, indexMagic)
	all[4] = indexVersion
	binary.LittleEndian.PutUint64(all[8:], x.sequence)
	binary.LittleEndian.PutUint32(all[16:], uint32(len(all)-indexHead))
	binary.LittleEndian.PutUint32(all[20:], indexChecksum(all))
	return b, nil
}

func indexChecksum(all []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, all[:20]), castagnoli, all[indexHead:])
}

var errNoIndex = errors.New("no index")

// decodeIndex reads one slot. errNoIndex says that what is there is no whole index: an
// empty slot, or one whose write was cut off.
func decodeIndex(b []byte) (index, error) {
	if len(b) < indexHead || binary.LittleEndian.Uint32(b) != indexMagic {
		return index{}, errNoIndex
	}
	length := binary.LittleEndian.Uint32(b[16:])
	if uint64(length) > uint64(len(b)-indexHead) {
		return index{}, errNoIndex
	}
	all := b[:indexHead+int(length)]
	if indexChecksum(all) != binary.LittleEndian.Uint32(all[20:]) {
		return index{}, errNoIndex
	}
	if all[4] != indexVersion {
		return index{}, fmt.Errorf("%w: an index of version %d, this program knows %d", fsys.ErrNewerVersion, all[4], indexVersion)
	}
	x := index{sequence: binary.LittleEndian.Uint64(all[8:]), numbers: map[string]uint64{}}
	rest := all[indexHead:]
	x.next, rest = uvarint(rest)
	count, rest := uvarint(rest)
	for range min(count, slotSize) {
		var size, number uint64
		if size, rest = uvarint(rest); size > uint64(len(rest)) {
			return index{}, errMalformedIndex
		}
		name := string(rest[:size])
		number, rest = uvarint(rest[size:])
		if number == 0 || number >= x.next {
			return index{}, errMalformedIndex
		}
		x.numbers[name] = number
	}
	if uint64(len(x.numbers)) != count || len(rest) > 0 {
		return index{}, errMalformedIndex
	}
	return x, nil
}

var errMalformedIndex = fmt.Errorf("%w: the index of names passes its checksum and makes no sense", fsys.ErrDamaged)

// uvarint reads a number off the front of b, 0 if there is none.
func uvarint(b []byte) (uint64, []byte) {
	v, n := binary.Uvarint(b)
	return v, b[max(n, 0):]
}

// newerIndex chooses between the two slots of an index file.
func newerIndex(slots []byte) (index, error) {
	first, err := decodeIndex(slots[:min(slotSize, len(slots))])
	if err != nil && err != errNoIndex {
		return index{}, err
	}
	second, secondErr := decodeIndex(slots[min(slotSize, len(slots)):])
	switch {
	case secondErr != nil && secondErr != errNoIndex:
		return index{}, secondErr
	case secondErr == nil && (err != nil || second.sequence > first.sequence):
		return second, nil
	}
	return first, err
}
