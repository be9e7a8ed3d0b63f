// Package opfs is a directory in a browser's origin private file system, through sync
// access handles, which a browser hands out to dedicated Workers alone: reads, writes
// and flushes are plain calls there, so that the log runs as it does on a server.
//
// A browser says nothing about when the name of a file is durable, and cannot rename
// over an open file. So names are kept here: files are numbered, and one more file, the
// index, says which number has which name. It is written in two slots in turn, each with
// a checksum; SyncDir is one write and one flush. A file that the index does not name is
// what a crash has left, and goes when the directory is opened.
//
// What is promised is what a flush promises: a browser hands the bytes to the operating
// system, and asks it to sync them. Whether it also syncs that a numbered file exists
// is the browser's matter; one that is gone after a power failure is found missing, and
// so never taken for an empty one.
//
// The user may throw all of it away at any time, and so may a browser that needs room,
// unless it has granted the origin persistence: then the member comes back as a new one.
package opfs

import (
	"errors"
	"fmt"
)

// ErrUnsupported says that there is no place here where a page may keep files: an old
// browser, a private window, a page that came over plain HTTP from another machine, or
// no browser at all.
var ErrUnsupported = fmt.Errorf("%w: this browser keeps no files for this page", errors.ErrUnsupported)
