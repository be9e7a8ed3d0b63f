package fault

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
)

// Crash cuts the power and starts the disk again: what was not synced is there, gone
// or torn, files that were open are dead (ErrCrashed), the lock is free, and StopAfter
// no longer holds.
//
// Each write since the last Sync of its file, and each truncation, is decided apart
// from the others: kept, lost, or (writes) torn by sectors of SectorSize bytes. Those
// that are kept take effect in the order they were made. Of the creations, renamings
// and removals since the last SyncDir a prefix is kept, as with the journal of a file
// system. Names and contents are decided apart: a file whose bytes were synced and
// whose name was not may be gone, one whose name was synced and whose bytes were not
// may be empty.
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.become(d.crashed(d.rng))
	d.life++
	d.locked, d.stopped, d.limit = false, false, -1
}

// Image is a disk as Crash would leave this one now, which goes on as if nothing had
// happened. The image's chance, that of the crash included, comes from seed. Rules,
// watcher and capacity are not copied.
//
// Together with Watch it crashes at each operation of some code that runs once:
//
//	disk.Watch(func(fault.Operation) { images = append(images, disk.Image(seed)) })
func (d *Disk) Image(seed uint64) *Disk {
	image := New(seed)
	d.mu.Lock()
	defer d.mu.Unlock()
	image.inodes = d.inodes
	image.become(d.crashed(image.rng))
	return image
}

// become makes names what is there, all of it durable.
func (d *Disk) become(names map[string]*inode) {
	d.names, d.synced, d.naming = names, maps.Clone(names), nil
}

// crashed is what a crash leaves of the directory and the files in it.
func (d *Disk) crashed(rng *rand.Rand) map[string]*inode {
	left := maps.Clone(d.synced)
	for _, n := range d.naming[:rng.IntN(len(d.naming)+1)] {
		n.replay(left)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		left[name] = left[name].crashed(rng)
		left[name].name = name
	}
	return left
}

// StopAfter lets n more operations that change something happen, from Create to Sync in
// the list of them. The one after them, and all that follows, returns ErrCrashed, until
// Crash starts the disk again. A negative n lifts it.
func (d *Disk) StopAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limit = -1; n >= 0 {
		d.limit = d.operations + n
	}
}

// Operations is the number of operations that changed something, or tried, so far: what
// StopAfter counts.
func (d *Disk) Operations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.operations
}

// Unsynced says whether a crash could lose something now, and names the first such
// thing: a file, or "the directory".
func (d *Disk) Unsynced() (what string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	byName := func(a, b *inode) int { return cmp.Compare(a.name, b.name) }
	for _, i := range slices.SortedFunc(maps.Values(d.names), byName) {
		if len(i.pending) > 0 {
			return i.name, true
		}
	}
	if len(d.naming) > 0 {
		return "the directory", true
	}
	return "", false
}
