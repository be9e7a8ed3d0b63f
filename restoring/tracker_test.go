package restoring

import (
	"errors"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/wire"
)

const mine, other ID = 1, 2

// began is a restore with its first pieces in the log, at entries 11 and on.
func began(t *testing.T, pieces int) *Tracker {
	t.Helper()
	tr := new(Tracker)
	for n := range pieces {
		if err := tr.Piece(wire.Index(11+n), mine, n); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

// Scenario restore-under-way.
func TestPiecesMayComeInAnyOrderAndTwice(t *testing.T) {
	tr := began(t, 1)
	for i, number := range []int{2, 1, 2, 0, 3} {
		if err := tr.Piece(wire.Index(20+i), mine, number); err != nil {
			t.Fatalf("piece %d: %v", number, err)
		}
	}
	where, err := tr.Finish(30, mine, Finish{Pieces: 4})
	if want := []wire.Index{11, 21, 20, 24}; err != nil || !slices.Equal(where, want) {
		t.Errorf("the pieces are at %v, %v; want the first of each, at %v", where, err, want)
	}
	if tr.Progress().ID != 0 {
		t.Error("it is still under way")
	}
}

func TestAPieceIsNotFarAheadOfOneThatIsMissing(t *testing.T) {
	tr := began(t, 1)
	if err := tr.Piece(20, mine, Ahead); err != nil {
		t.Errorf("%d, with 1 missing: %v", Ahead, err)
	}
	if err := tr.Piece(21, mine, Ahead+1); !errors.Is(err, ErrEntry) {
		t.Errorf("%d, with 1 missing: %v", Ahead+1, err)
	}
}

func TestOneRestoreAtATime(t *testing.T) {
	tr := began(t, 2)
	if err := tr.Piece(20, other, 0); !errors.Is(err, ErrBusy) {
		t.Errorf("a piece of another restore: %v", err)
	}
	if _, err := tr.Finish(20, other, Finish{Pieces: 2}); !errors.Is(err, ErrBusy) {
		t.Errorf("the end of another restore: %v", err)
	}
	tr.GiveUp(other)
	if _, err := tr.Finish(21, mine, Finish{Pieces: 2}); err != nil {
		t.Errorf("the first one does not go on: %v", err)
	}
}

func TestARestoreThatWasGivenUpDoesNotGoOn(t *testing.T) {
	tr := began(t, 2)
	if p := tr.Progress(); p != (Progress{mine, 12}) {
		t.Errorf("its progress is %+v", p)
	}
	tr.GiveUp(mine)
	if p := tr.Progress(); p != (Progress{}) {
		t.Errorf("given up, its progress is %+v", p)
	}
	if _, err := tr.Finish(20, mine, Finish{Pieces: 2}); !errors.Is(err, ErrLapsed) {
		t.Errorf("its end: %v", err)
	}
	if err := tr.Piece(21, mine, Ahead); !errors.Is(err, ErrLapsed) {
		t.Errorf("a late piece of a long one: %v", err)
	}
	// A late piece begins it anew, which cannot be finished without the first ones.
	if err := tr.Piece(22, mine, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Finish(23, mine, Finish{Pieces: 3}); !errors.Is(err, ErrLapsed) {
		t.Errorf("its end, with pieces forgotten: %v", err)
	}
	if err := tr.Piece(24, other, 0); err != nil {
		t.Errorf("another one afterwards: %v", err)
	}
}

func TestARestoreWithPiecesMissingIsNotFinished(t *testing.T) {
	for _, pieces := range []int{1, 3} {
		if _, err := began(t, 2).Finish(20, mine, Finish{Pieces: pieces}); !errors.Is(err, ErrLapsed) {
			t.Errorf("2 of %d pieces: %v", pieces, err)
		}
	}
	tr := began(t, 1)
	if err := tr.Piece(20, mine, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Finish(21, mine, Finish{Pieces: 3}); !errors.Is(err, ErrLapsed) {
		t.Errorf("the second of 3 missing: %v", err)
	}
}

// The state of a backup speaks of entries, and those to come must have greater indexes.
func TestABackupOfALongerLogWaitsForTheLogToGrow(t *testing.T) {
	tr := began(t, 2)
	if _, err := tr.Finish(20, mine, Finish{Pieces: 2, Beyond: 20}); !errors.Is(err, ErrBehind) {
		t.Errorf("at 20, of a backup up to 20: %v", err)
	}
	if _, err := tr.Finish(21, mine, Finish{Pieces: 2, Beyond: 20}); err != nil {
		t.Errorf("at 21, of a backup up to 20: %v", err)
	}
}
