package host

import "time"

// news is what is committed and the followers have not heard. While this leader has
// proposals of its own on the way, entries will soon go to the followers and take it along:
// callers who are answered tend to come back. Nobody waits for it longer than newsPause.
type news struct {
	held  bool
	since time.Duration
}

// newsPause is how long followers may hear later of a commit. A batch of a busy leader takes
// less, unless its disk is slow.
const newsPause = time.Millisecond

// HoldsNews says whether followers are yet to hear of a commit.
func (h *Host) HoldsNews() bool { return h.news.held }

// turnNews tells the followers what is committed, unless entries will soon do so.
func (h *Host) turnNews() {
	n := &h.news
	switch busy := len(h.outbox.chunks) > 0; {
	case !h.core.Untold():
		n.held = false
	case busy && !n.held:
		n.held, n.since = true, h.now
	case !busy || h.now >= n.since+newsPause:
		n.held = false
		h.core.Tell()
		h.execute(nil)
	}
}

func (n *news) due() time.Duration {
	if n.held {
		return n.since + newsPause
	}
	return never
}
