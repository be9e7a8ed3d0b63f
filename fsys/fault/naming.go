package fault

// naming is a change of the directory that a SyncDir makes durable.
type naming struct {
	op    Op // Create, Rename or Remove
	name  string
	to    string // for Rename
	inode *inode // for Create
}

// replay does the change to names. An earlier change may have been lost, so that the
// file it speaks of is not there.
func (n naming) replay(names map[string]*inode) {
	switch n.op {
	case Create:
		names[n.name] = n.inode
	case Remove:
		delete(names, n.name)
	case Rename:
		if i := names[n.name]; i != nil {
			delete(names, n.name)
			names[n.to] = i
		}
	}
}

// rename does the change where processes see it; unless it is lost, SyncDir makes it
// durable.
func (d *Disk) rename(n naming, lost bool) {
	n.replay(d.names)
	if !lost {
		d.naming = append(d.naming, n)
	}
}
