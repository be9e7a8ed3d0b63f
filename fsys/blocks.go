package fsys

import "unsafe"

// BlockSize is a size that blocks of a disk and pages of memory are made of, or parts of.
const BlockSize = 4 << 10

// BlockWriter is a File that can write whole blocks in a better way than WriteAt and Sync.
type BlockWriter interface {
	File
	// WriteBlocks writes p at off, both of which are multiples of BlockSize; p lies in
	// memory of Blocks. With sync it returns once p is durable; what was written otherwise
	// is so with the next Sync. After an error nobody knows what was written.
	WriteBlocks(p []byte, off int64, sync bool) error
}

// WriteBlocks writes whole blocks to any file, as BlockWriter says.
func WriteBlocks(file File, p []byte, off int64, sync bool) error {
	if w, ok := file.(BlockWriter); ok {
		return w.WriteBlocks(p, off, sync)
	}
	if _, err := file.WriteAt(p, off); err != nil || !sync {
		return err
	}
	return file.Sync()
}

// Blocks returns b with room for n bytes more, in memory that begins where a block may:
// disks can read it without its being copied. It is b itself if that has room, and was
// made here. All of b must be in use, or empty.
func Blocks(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	room := max(2*cap(b), len(b)+n)
	room = (room + BlockSize - 1) / BlockSize * BlockSize
	memory := make([]byte, room+BlockSize)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (BlockSize - 1)
	return append(memory[skip:skip:skip+room], b...)
}
