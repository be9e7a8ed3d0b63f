package kv

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"
)

func restore(t testing.TB, m *Machine, snapshot []byte) {
	t.Helper()
	if err := m.Restore(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
}

func TestKeysExpireByTheLogsTimeAlone(t *testing.T) {
	m, l := inMemory(t), newLog()
	l.do(t, m, Op{Kind: OpSet, Key: "k", TTL: 100 * time.Millisecond})
	m.Apply(l.entry(99*time.Millisecond), Command{})
	if _, err := m.Get("k"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // the wall's clock does not matter
	if _, err := m.Get("k"); err != nil {
		t.Fatal(err)
	}
	m.Apply(l.entry(time.Millisecond), Command{})
	if _, err := m.Get("k"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if got := seen(t, m, Watch{From: 2}, 1); got[0].Index != 3 || !got[0].Events[0].Removed {
		t.Fatalf("%+v", got)
	}
	if m.Len() != 0 {
		t.Fatal("it is still stored")
	}
}

// Many that expire at once are gone at once for whoever looks, and leave bit by bit.
func TestAFloodOfExpiriesIsSpreadOverCommands(t *testing.T) {
	m, l := inMemory(t), newLog()
	const keys = 2*reapLimit + 10
	var ops []Op
	for i := range keys {
		ops = append(ops, Op{Kind: OpSet, Key: fmt.Sprintf("%05d", i), TTL: time.Second})
	}
	l.do(t, m, ops...)
	r := m.Apply(l.entry(time.Second), Do(Scan(Range{}, 0), Get("02009"), Op{Kind: OpSet, Key: "02008", Value: []byte("new")}))
	if r.Replies[0].Found || r.Replies[1].Found || r.Replies[2].Found {
		t.Fatalf("what has expired is seen: %+v", r)
	}
	v, _ := m.View()
	if items, _, err := v.Scan(Range{}, ScanOptions{}); err != nil || len(items) != 1 || items[0].Created != r.Index {
		t.Fatalf("%+v, %v", items, err)
	}
	v.Close()
	if n := m.Len(); n != keys-reapLimit-1 { // the one that was read went at once
		t.Errorf("%d are left after one command", n)
	}
	l.do(t, m)
	l.do(t, m)
	if m.Len() != 1 {
		t.Errorf("%d are left", m.Len())
	}
}

func TestALeaseTakesItsKeysAlong(t *testing.T) {
	m, l := inMemory(t), newLog()
	grant := l.do(t, m, Grant(time.Second), Op{Kind: OpSet, Key: "a", Lease: NewLease}, Op{Kind: OpSet, Key: "b", Lease: NewLease})
	id := LeaseID(grant.Index)
	v, _ := m.View()
	if keys, err := v.LeaseKeys(id); err != nil || fmt.Sprint(keys) != "[a b]" {
		t.Fatalf("%v, %v", keys, err)
	}
	v.Close()
	l.do(t, m, Set("b", nil)) // which parts with it
	m.Apply(l.entry(900*time.Millisecond), Do(KeepAlive(id)))
	m.Apply(l.entry(900*time.Millisecond), Command{})
	if _, err := m.Get("a"); err != nil {
		t.Fatalf("kept alive: %v", err)
	}
	m.Apply(l.entry(100*time.Millisecond), Command{})
	if _, err := m.Get("a"); err != ErrNotFound {
		t.Fatal(err)
	}
	if _, err := m.Get("b"); err != nil {
		t.Fatal(err)
	}
	r := l.apply(m, Do(Set("c", nil), Op{Kind: OpSet, Key: "d", Lease: id}))
	var failed *FailedError
	if err := r.Err(); !errors.Is(err, ErrNoLease) || !errors.As(err, &failed) || failed.Op != 1 {
		t.Fatalf("a key of a lease that has ended: %v", err)
	}
	if _, err := m.Get("c"); err != ErrNotFound {
		t.Fatal("a part of a failed command was done")
	}
}
