package metrics

import (
	"context"
	"errors"

	"github.com/balsaraft/balsa"
)

// causes name the reasons of errors, the most telling first: an error has several, such as
// that there was no leader until the caller's time was up.
var causes = []struct {
	is   error
	name string
}{
	{balsa.ErrTooLarge, "too_large"},
	{balsa.ErrClusterVersion, "cluster_version"},
	{balsa.ErrOverloaded, "overloaded"},
	{balsa.ErrNoSpace, "no_space"},
	{balsa.ErrSessionExpired, "session_expired"},
	{balsa.ErrResultLost, "result_lost"},
	{balsa.ErrRemoved, "removed"},
	{balsa.ErrClosed, "closed"},
	{balsa.ErrNoLeader, "no_leader"},
	{context.DeadlineExceeded, "timeout"},
	{context.Canceled, "canceled"},
}

// other is the cause of an error that none of causes is under.
const other = "other"

func causeOf(err error) string {
	for _, c := range causes {
		if errors.Is(err, c.is) {
			return c.name
		}
	}
	return other
}

// causeNames are all that causeOf says but other.
func causeNames() (names []string) {
	for _, c := range causes {
		names = append(names, c.name)
	}
	return names
}
