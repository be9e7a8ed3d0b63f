package main

import (
	"fmt"
	"reflect"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// inspector lists all that a core consists of. It looks at every field that there is,
// also at those that nobody had thought of when it was written, so that two states are
// never taken for one because of something it does not know. What it leaves out, it
// leaves out by name, and checks that the name still stands for something:
//
//   - times, as the moment of every input is the one at which they have run out;
//   - the configuration, which is the same on all members but for the identity;
//   - how many saves there have been: only which of them are not durable matters;
//   - the number of a session as long as each peer has one in a term: whether there is
//     one is all there is to know.
type inspector struct {
	sessions bool // tell the sessions of a peer apart
	newest   uint64
	known    map[string]bool // of the fields treated by name, those that were seen
}

var (
	timeType   = reflect.TypeFor[time.Duration]()
	memberType = reflect.TypeFor[wire.MemberID]()
)

// leftOut are fields that say nothing about the future.
var leftOut = map[string]bool{"raft.Raft.cfg": true}

// sequences are fields that number saves. The first that is met is the newest save's.
var sequences = map[string]bool{"raft.saves.seq": true, "raft.unsaved.seq": true, "raft.heldBack.seq": true}

// sessionFields number sessions.
var sessionFields = map[string]bool{
	"raft.following.session": true, "raft.leadership.session": true, "tracker.Peer.Session": true, "wire.Message.Session": true,
}

// unordered are the types of elements whose order in a slice means nothing: most stand
// in the order of identities, which is no property of a member, ballots as they came.
var unordered = map[string]bool{"raft.ballot": true, "*tracker.Peer": true, "wire.Member": true, "wire.MemberID": true}

// core adds what a core consists of.
func (s *inspector) core(t *tokens, r *raft.Raft) {
	s.newest = 0
	s.value(t, reflect.ValueOf(r).Elem())
}

// message adds what a message consists of.
func (s *inspector) message(t *tokens, m *wire.Message) { s.value(t, reflect.ValueOf(m).Elem()) }

func (s *inspector) value(t *tokens, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		s.fields(t, v)
	case reflect.Pointer:
		if v.IsNil() {
			t.add(0)
			return
		}
		t.add(1)
		s.value(t, v.Elem())
	case reflect.Slice:
		s.slice(t, v)
	case reflect.Bool:
		t.add(bit(v.Bool()))
	case reflect.Int, reflect.Int64:
		t.add(uint64(v.Int()))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		if v.Type() == memberType {
			t.addID(v.Uint())
			return
		}
		t.add(v.Uint())
	case reflect.String:
		t.add(uint64(v.Len()))
		for _, b := range []byte(v.String()) {
			t.add(uint64(b))
		}
	default:
		panic(fmt.Sprintf("the state of a core holds a %s, which nobody here knows how to compare", v.Type()))
	}
}

func (s *inspector) fields(t *tokens, v reflect.Value) {
	of := v.Type()
	for k := range of.NumField() {
		f := of.Field(k)
		name := of.String() + "." + f.Name
		switch {
		case f.Type == timeType:
		case leftOut[name]:
			s.known[name] = true
		case sequences[name]:
			s.known[name] = true
			if name == "raft.saves.seq" {
				s.newest = v.Field(k).Uint()
			}
			t.add(s.newest - v.Field(k).Uint())
		case sessionFields[name] && !s.sessions:
			s.known[name] = true
			t.add(bit(v.Field(k).Uint() > 0))
		default:
			s.value(t, v.Field(k))
		}
	}
}

func (s *inspector) slice(t *tokens, v reflect.Value) {
	t.add(uint64(v.Len()))
	if !unordered[v.Type().Elem().String()] {
		for k := range v.Len() {
			s.value(t, v.Index(k))
		}
		return
	}
	s.known[v.Type().Elem().String()] = true
	t.mark(open)
	for k := range v.Len() {
		t.mark(element)
		s.value(t, v.Index(k))
	}
	t.mark(closed)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// describe adds all that a member consists of.
func (s *inspector) describe(t *tokens, m *member) {
	t.addID(uint64(m.id))
	s.core(t, m.core)
	s.log(t, m.log)
	s.value(t, reflect.ValueOf(m.disk.hard))
	s.log(t, m.disk.log)
	t.add(uint64(m.beats), uint64(len(m.pending)))
	for _, p := range m.pending {
		s.value(t, reflect.ValueOf(p.hard))
		t.add(uint64(p.first))
		s.log(t, p.entries)
	}
}

func (s *inspector) log(t *tokens, log []entry) {
	t.add(uint64(len(log)))
	for _, e := range log {
		t.add(uint64(e.term))
		s.value(t, reflect.ValueOf(e.membership))
	}
}
