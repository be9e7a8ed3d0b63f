package host

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

const (
	// chunkBytes is the size of a piece of a snapshot on the wire.
	chunkBytes = 256 << 10
	// windowBytes is how much may be under way unanswered.
	windowBytes = 4 * chunkBytes
	// giveUpAfter is how long a transfer may stand still.
	giveUpAfter = time.Minute
	// A transfer that failed is followed by a pause, and the next failure by twice that:
	// whoever has no room for a snapshot is not sent it again and again.
	firstPause, longestPause = time.Second, time.Minute
)

// sending is the transfer of a snapshot to a member that lags. It begins with an
// empty piece, to which the receiver answers where to go on: at 0, or after what an
// earlier transfer of the same file left there.
type sending struct {
	to       wire.MemberID
	least    wire.Index
	after    time.Duration    // when it may begin
	round    uint64           // numbers the transfer
	began    time.Duration    // when source was found
	source   *snapshot.Source // nil while no snapshot is new enough
	meta     snapshot.Meta
	started  bool          // the receiver has said where to begin
	sent     int64         // up to where it was sent
	acked    int64         // up to where the receiver has it
	progress time.Duration // when the receiver last said something new
	again    time.Duration // when to send again from acked
	reading  bool          // a task reads from source
}

// beginSending starts a transfer, or waits for a snapshot that is new enough.
func (h *Host) beginSending(order raft.SnapshotOrder) {
	if s := h.sending[order.To]; s != nil {
		s.least = max(s.least, order.Least)
		return
	}
	h.sending[order.To] = &sending{to: order.To, least: order.Least, after: h.now + h.pauses[order.To]}
	h.resumeSending()
}

// resumeSending gives a snapshot to the transfers that have none.
func (h *Host) resumeSending() {
	if len(h.sending) == 0 {
		return
	}
	for _, to := range slices.Sorted(maps.Keys(h.sending)) {
		if s := h.sending[to]; s != nil && s.source == nil {
			h.sourceFor(s)
		}
	}
}

// sourceFor begins a transfer, once it may begin, or sees to it that there will be a
// snapshot new enough for it. One of the life before a recovery is of another cluster,
// and would be refused.
func (h *Host) sourceFor(s *sending) {
	if h.now < s.after {
		return
	}
	latest, ok := h.snapshots.Latest()
	if !ok || latest.Pos.Index < s.least || latest.Cluster != h.card.Cluster {
		if len(h.captures.running) == 0 { // one under way may be new enough
			h.captures.wanted = true
		}
		return
	}
	source, err := h.snapshots.Source(latest.Pos)
	if err != nil {
		h.endSending(s, true, err)
		return
	}
	s.source, s.meta, s.round, s.progress, s.began = source, source.Meta(), h.cfg.Random(), h.now, h.now
	h.announce(s)
	h.event(Event{Kind: SnapshotSending, Member: s.to, Index: s.meta.Pos.Index})
}

// abandonWaiting ends the transfers that waited for a snapshot which could not be taken.
// The algorithm asks again.
func (h *Host) abandonWaiting(err error) {
	for _, to := range slices.Sorted(maps.Keys(h.sending)) {
		if s := h.sending[to]; s != nil && s.source == nil {
			h.endSending(s, true, err)
		}
	}
}

// announce asks the receiver where to begin, or to go on.
func (h *Host) announce(s *sending) {
	s.sent, s.started, s.again = s.acked, false, h.now+h.patience()
	// It may have had all pieces already when it, or this member, started again.
	h.sendPiece(s, nil, s.sent == s.source.Size())
}

// patience is how long a transfer waits for an answer before it asks again.
func (h *Host) patience() time.Duration { return max(2*h.cfg.Raft.ElectionTimeout, time.Second) }

func (h *Host) sendPiece(s *sending, data []byte, last bool) {
	h.cfg.Transport.Send(h.contact.peer(s.to), &wire.Message{
		Kind: wire.SnapshotChunk, From: h.card.ID, To: s.to, Term: h.view.Term,
		Pos: s.meta.Pos, ID: s.meta.ID, Round: s.round, Index: wire.Index(s.sent), Data: data, Done: last,
	})
}

// turnSending reads and sends the next pieces, and ends what stands still, or goes to
// somebody who is no member any more.
func (h *Host) turnSending() {
	if len(h.sending) == 0 {
		return // to look who is in a map makes garbage, and this is done in each turn
	}
	for _, to := range slices.Sorted(maps.Keys(h.sending)) {
		if !slices.Contains(h.contact.ids, to) {
			h.endSending(h.sending[to], true, nil)
		}
	}
	for _, to := range h.contact.ids {
		s := h.sending[to]
		switch {
		case s == nil:
		case h.view.Role != raft.Leader:
			h.endSending(s, true, nil)
		case s.source == nil:
			h.sourceFor(s)
		case h.core.Match(to) >= s.meta.Pos.Index:
			// Its log has what the snapshot stands for. To wait until it says so in an answer
			// to a piece would keep the log from being compacted meanwhile.
			h.endSending(s, false, nil)
		case h.now-s.progress > giveUpAfter:
			h.endSending(s, true, fmt.Errorf("no progress for %s", giveUpAfter))
		case h.now >= s.again:
			h.announce(s)
		case s.started && s.sent < s.source.Size() && s.sent-s.acked < windowBytes:
			h.readPiece(s)
		}
	}
}

func (h *Host) sendingDue() time.Duration {
	due := never
	for _, s := range h.sending {
		switch {
		case s.source != nil:
			due = min(due, s.again)
		case s.after > h.now:
			due = min(due, s.after)
		}
	}
	return due
}

// readPiece reads the next piece and sends it.
func (h *Host) readPiece(s *sending) {
	offset := s.sent
	data := make([]byte, min(chunkBytes, s.source.Size()-offset))
	var err error
	s.reading = h.begin(SendLane,
		func() { _, err = s.source.ReadAt(data, offset) },
		func() {
			s.reading = false
			switch {
			case h.sending[s.to] != s:
				s.source.Close()
			case err != nil:
				h.endSending(s, true, err)
			case s.sent == offset:
				h.sendPiece(s, data, offset+int64(len(data)) == s.source.Size())
				s.sent += int64(len(data))
			}
		})
}

// onSnapshotReply hears how far the receiver is.
func (h *Host) onSnapshotReply(m *wire.Message) {
	s := h.sending[m.From]
	if s == nil || s.source == nil || m.Round != s.round {
		return
	}
	want := int64(m.Index)
	switch {
	case m.Done:
		h.endSending(s, false, nil)
		return
	case m.Reject:
		h.endSending(s, true, fmt.Errorf("refused: %s", m.Data))
		return
	case want < 0 || want > s.source.Size():
		return
	}
	s.again = h.now + h.patience()
	if want > s.acked {
		s.progress = h.now
	}
	if !s.started || want < s.acked {
		s.sent = want
	}
	s.started, s.acked = true, want
	s.sent = max(s.sent, want)
}

// endSending ends a transfer and tells the algorithm.
func (h *Host) endSending(s *sending, failed bool, err error) {
	pause := h.pauses[s.to]
	delete(h.sending, s.to)
	delete(h.pauses, s.to)
	h.meterSending(s, failed, err)
	if s.source != nil && !s.reading {
		s.source.Close()
	}
	if err != nil {
		h.pauses[s.to] = min(max(2*pause, firstPause), longestPause)
		h.cfg.Logger.Warn("a snapshot did not arrive", "peer", s.to, "at", s.meta.Pos, "error", err)
	}
	h.step(raft.SnapshotSent{To: s.to, Pos: s.meta.Pos, Failed: failed})
	h.compact()
}
