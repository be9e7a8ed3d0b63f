package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
)

func openNode(t *testing.T, cfg balsa.Config) *Node {
	t.Helper()
	cfg.MaxCommand = MaxCommand
	cfg.Logger = slog.New(slog.DiscardHandler)
	node, err := balsa.Open(t.Context(), cfg, inMemory(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

func TestStoreDoesWhatItSays(t *testing.T) {
	ctx := t.Context()
	s := NewStore(openNode(t, balsa.Config{}))
	if _, err := s.Get(ctx, "k"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("get of nothing: %v", err)
	}
	if _, err := s.Delete(ctx, "k"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("delete of nothing: %v", err)
	}
	first, err := s.Put(ctx, "k", []byte("one"), IfAbsent())
	if err != nil {
		t.Fatal(err)
	}
	if i, err := s.Get(ctx, "k"); err != nil || string(i.Value) != "one" || i.Version != first || i.Key != "k" {
		t.Fatalf("%+v, %v", i, err)
	}
	var different *DifferentError
	if _, err := s.Put(ctx, "k", nil, IfVersion(first+1)); !errors.As(err, &different) || different.Version != first {
		t.Fatalf("put if another version: %v", err)
	}
	if _, err := s.Put(ctx, "k", []byte("two"), IfValue([]byte("one"))); err != nil {
		t.Fatal(err)
	}
	if items, more, err := s.Scan(ctx, "", 10); err != nil || more || len(items) != 1 || string(items[0].Value) != "two" {
		t.Fatalf("%+v, %v, %v", items, more, err)
	}
	if last, err := s.Delete(ctx, "k", IfExists()); err != nil || last <= first {
		t.Fatalf("delete at %d, %v", last, err)
	}
}

func TestStoreRefusesWhatIsOverALimitBeforeAsking(t *testing.T) {
	s := NewStore(openNode(t, balsa.Config{}))
	for what, err := range map[string]error{
		"no key":     second(s.Get(t.Context(), "")),
		"long key":   second(s.Put(t.Context(), strings.Repeat("k", MaxKey+1), nil)),
		"long value": second(s.Put(t.Context(), "k", make([]byte, MaxValue+1))),
		"delete":     second(s.Delete(t.Context(), "")),
	} {
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v, want ErrLimit", what, err)
		}
	}
	if _, err := s.Put(t.Context(), strings.Repeat("k", MaxKey), make([]byte, MaxValue), IfAbsent()); err != nil {
		t.Errorf("the largest key and value: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestStoreOfAClosedNodeSaysThatNothingHappened(t *testing.T) {
	node := openNode(t, balsa.Config{})
	s := NewStore(node)
	node.Close()
	for what, err := range map[string]error{
		"get": second(s.Get(t.Context(), "k")),
		"put": second(s.Put(t.Context(), "k", nil)),
	} {
		if !errors.Is(err, balsa.ErrClosed) || !errors.Is(err, balsa.ErrNotCommitted) || errors.Is(err, balsa.ErrUnknown) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestStoreSurvivesRestartsThroughSnapshots(t *testing.T) {
	cfg := balsa.Config{Dir: t.TempDir(), SnapshotBytes: 64 << 10, KeepSnapshots: 1}
	versions := map[string]balsa.Index{}
	for life := range 3 {
		node := openNode(t, cfg)
		s := NewStore(node)
		for i := range 100 {
			key := fmt.Sprintf("%d-%d", life, i)
			version, err := s.Put(t.Context(), key, []byte(key+strings.Repeat("x", 2000)))
			if err != nil {
				t.Fatal(err)
			}
			versions[key] = version
		}
		if err := node.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	node := openNode(t, cfg)
	if node.Status().Snapshot == 0 {
		t.Fatal("it did not start from a snapshot")
	}
	s := NewStore(node)
	for key, version := range versions {
		if i, err := s.Get(t.Context(), key); err != nil || i.Version != version || !strings.HasPrefix(string(i.Value), key+"x") {
			t.Fatalf("%s: version %d, %v; want %d", key, i.Version, err, version)
		}
	}
}

func TestABackupHoldsASnapshot(t *testing.T) {
	node := openNode(t, balsa.Config{})
	if _, err := NewStore(node).Put(context.Background(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if index, err := node.Backup(t.Context(), io.Discard); err != nil || index == 0 {
		t.Fatalf("at %d, %v", index, err)
	}
}

func TestCommandsThatGoTogetherAreAnsweredInOrder(t *testing.T) {
	s := NewStore(openNode(t, balsa.Config{}))
	const n = 2000
	commands := func(yield func(Command) bool) {
		for range n {
			if !yield(Do(Add("n", 1))) {
				return
			}
		}
	}
	sum := int64(0)
	for r, err := range s.DoAll(t.Context(), commands) {
		if sum++; err != nil || r.Replies[0].Number != sum {
			t.Fatalf("answer %d: %+v, %v", sum, r, err)
		}
	}
	if sum != n {
		t.Fatalf("%d answers", sum)
	}
}
