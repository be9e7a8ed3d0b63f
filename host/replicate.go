package host

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// fetch is a follower that lags so far that its entries are not in memory: they are
// read by a task, and what is to be sent to it meanwhile waits here, in order.
type fetch struct{ waiting []*wire.Message }

// maxFetchQueue bounds what waits for one follower; the algorithm repeats what is
// dropped.
const maxFetchQueue = 64

// sendAppend sends an Append with its entries' bytes. One that has none keeps its place
// behind those that wait for theirs: were it to overtake them, the follower would miss
// what it follows on.
func (h *Host) sendAppend(m *wire.Message) {
	if f := h.fetching[m.To]; f != nil {
		if len(f.waiting) < maxFetchQueue {
			f.waiting = append(f.waiting, m)
		}
		return
	}
	if !h.sendCached(m) {
		h.fetching[m.To] = &fetch{waiting: []*wire.Message{m}}
		h.startFetch()
	}
}

// sendCached sends m if memory holds its entries.
func (h *Host) sendCached(m *wire.Message) bool {
	if len(m.Spans) > 0 {
		first, last := entriesOf(m)
		batches, ok := h.log.Cached(first, last, math.MaxInt)
		if !ok || batches[len(batches)-1].Last() < last {
			return false
		}
		m.Batches = batches
	}
	h.cfg.Transport.Send(h.contact.peer(m.To), m)
	return true
}

func entriesOf(m *wire.Message) (first, last wire.Index) {
	return m.Spans[0].First, m.Spans[len(m.Spans)-1].Last
}

// startFetch reads the entries of the next message that waits for some follower.
func (h *Host) startFetch() {
	if h.busy[FetchLane] {
		return
	}
	for _, to := range h.contact.ids {
		f := h.fetching[to]
		for f != nil && len(f.waiting) > 0 {
			m := f.waiting[0]
			f.waiting = f.waiting[1:]
			if !h.stillLeads(m) || h.sendCached(m) {
				continue
			}
			if h.fetch(m) {
				return
			}
		}
		delete(h.fetching, to)
	}
}

// forgetFetches drops what waits for those who are no members any more. Were one of them
// added again, all that is sent to it would queue up behind, and wait for ever.
func (h *Host) forgetFetches() {
	maps.DeleteFunc(h.fetching, func(id wire.MemberID, _ *fetch) bool { return !slices.Contains(h.contact.ids, id) })
}

// stillLeads says whether this member leads in the term of an Append that had to wait.
// If not, its log may hold other entries by now: sent under the old term, they would
// seem to follow what they do not follow.
func (h *Host) stillLeads(m *wire.Message) bool {
	s := h.core.Status() // not view, which the orders that m came with may not have reached yet
	return s.Role == raft.Leader && s.Term == m.Term
}

// fetch begins to read the entries of one message. It says false if they are not
// there any more; the algorithm finds that out by itself.
func (h *Host) fetch(m *wire.Message) bool {
	first, last := entriesOf(m)
	view, err := h.log.View(first, last)
	if err != nil {
		return false
	}
	var batches []wire.Batch
	return h.begin(FetchLane,
		func() {
			defer view.Close()
			batches, err = readAll(view)
		},
		func() {
			h.fetched(m, batches, err)
			h.startFetch()
		})
}

func readAll(view *wal.View) (all []wire.Batch, err error) {
	for {
		batches, err := view.Read(1 << 20)
		if err != nil || len(batches) == 0 {
			return all, err
		}
		all = append(all, batches...)
	}
}

func (h *Host) fetched(m *wire.Message, batches []wire.Batch, err error) {
	var damage *wal.DamageError
	switch _, last := entriesOf(m); {
	case errors.As(err, &damage):
		h.fail(fmt.Errorf("read the log for member %s: %w", m.To, err))
	case err != nil:
		h.cfg.Logger.Warn("could not read old entries for a member that lags", "peer", m.To, "error", err)
	case len(batches) > 0 && batches[len(batches)-1].Last() == last && h.stillLeads(m):
		m.Batches = batches
		h.cfg.Transport.Send(h.contact.peer(m.To), m)
	}
}
