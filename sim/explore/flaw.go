package main

import "github.com/balsaraft/balsa/wire"

// flaw is what members do wrong, so that tests can see whether the judge notices. The
// zero flaw is none.
type flaw struct {
	disk func(disk) disk                 // what a crash does to a disk
	wire func(wire.Message) wire.Message // what becomes of a message
}

func (f flaw) onDisk(m *member, in input) *member {
	if f.disk == nil || in.kind != crash {
		return m
	}
	c := *m
	c.disk = f.disk(m.disk)
	return &c
}

func (f flaw) onWire(m wire.Message) wire.Message {
	if f.wire == nil {
		return m
	}
	return f.wire(m)
}
