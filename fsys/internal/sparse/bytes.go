// Package sparse holds a file's bytes in memory and takes none for stretches that
// are zero, so that a log segment made ready for later costs nothing until then.
package sparse

import (
	"bytes"
	"io"
)

const pageSize = 4096

type page [pageSize]byte

var zeros page

// Bytes is the content of a file. The zero value is empty. Not safe for concurrent
// use; readers may share it while nobody writes.
type Bytes struct {
	pages []*page // a nil page, or one beyond the end of pages, is all zero
	size  int64
}

// Size is the content's length in bytes.
func (b *Bytes) Size() int64 { return b.size }

// ReadAt reads as io.ReaderAt says.
func (b *Bytes) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), b.size-off))
	for done := 0; done < n; {
		at := off + int64(done)
		src := b.page(at)[at%pageSize:]
		done += copy(p[done:n], src)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b *Bytes) page(at int64) *page {
	if i := at / pageSize; i < int64(len(b.pages)) && b.pages[i] != nil {
		return b.pages[i]
	}
	return &zeros
}

// WriteAt writes p at off and grows the content if it ends beyond it.
func (b *Bytes) WriteAt(p []byte, off int64) {
	for rest, at := p, off; len(rest) > 0; {
		n := int(min(int64(len(rest)), pageSize-at%pageSize))
		b.writePage(rest[:n], at)
		rest, at = rest[n:], at+int64(n)
	}
	b.size = max(b.size, off+int64(len(p)))
}

// writePage writes p, which lies in one page.
func (b *Bytes) writePage(p []byte, at int64) {
	i := at / pageSize
	if b.page(at) == &zeros {
		if bytes.Equal(p, zeros[:len(p)]) {
			return
		}
		for int64(len(b.pages)) <= i {
			b.pages = append(b.pages, nil)
		}
		b.pages[i] = new(page)
	}
	copy(b.pages[i][at%pageSize:], p)
}

// Truncate sets the size; what it adds reads as zeros.
func (b *Bytes) Truncate(size int64) {
	if size < b.size {
		keep := (size + pageSize - 1) / pageSize
		if keep < int64(len(b.pages)) {
			clear(b.pages[keep:])
			b.pages = b.pages[:keep]
		}
		if size%pageSize != 0 && b.page(size) != &zeros {
			clear(b.pages[size/pageSize][size%pageSize:])
		}
	}
	b.size = size
}

// Clone copies the content.
func (b *Bytes) Clone() Bytes {
	c := Bytes{pages: make([]*page, len(b.pages)), size: b.size}
	for i, p := range b.pages {
		if p != nil {
			copied := *p
			c.pages[i] = &copied
		}
	}
	return c
}
