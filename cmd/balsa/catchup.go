package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

// intake is how far a member is with what the others have: first with a snapshot, if they
// send one, then with the entries after it.
type intake struct {
	what        string
	unit        unit
	done, total int64
}

// catchUp tells out, until ctx ends, how far a member is that has not yet what the others
// have. Look says so; not ok is that nobody knows.
func catchUp(ctx context.Context, out io.Writer, look func() (intake, bool)) {
	var p *progress
	var telling string
	defer func() { p.end() }()
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now, ok := look()
		if !ok {
			continue
		}
		if now.what != telling {
			p.end()
			p, telling = startProgress(out, now.what, now.unit, now.total), now.what
		}
		p.expect(now.total)
		p.set(now.done)
	}
}

// behind is what catchUp looks at. The leader alone knows where its log ends, and tells
// whoever watches; a read, by which one could learn it otherwise, waits until all is here.
func (m *member) behind() (intake, bool) {
	m.reporter.Watch()
	leader, ok := m.reporter.Leader()
	if !ok {
		return intake{}, false
	}
	for _, t := range leader.Snapshots {
		if t.With == m.name && !t.Incoming {
			return intake{"receiving the state", inBytes, t.Bytes, t.Size}, true
		}
	}
	return intake{"catching up", counted("entries"), int64(m.node.Status().Applied), int64(leader.Last)}, true
}

// logLines makes lines of a log of the lines that are written to it.
type logLines struct{ log *slog.Logger }

func (l logLines) Write(line []byte) (int, error) {
	l.log.Info(strings.TrimSpace(string(line)))
	return len(line), nil
}

// above writes over the line of progress on a terminal, which is drawn again below.
type above struct{ io.Writer }

func (a above) Write(record []byte) (int, error) {
	_, err := a.Writer.Write(append([]byte(toLineStart+clearRight), record...))
	return len(record), err
}

// aboveProgress is where the log of a command goes that tells how far it is, too.
func (c console) aboveProgress() console {
	if redraws(c.stderr) {
		c.stderr = above{c.stderr}
	}
	return c
}

// besides is where such a command tells that: on a terminal a line below the log, elsewhere
// records of the log.
func (c console) besides(log *slog.Logger) io.Writer {
	if redraws(c.stderr) {
		return c.stderr
	}
	return logLines{log}
}
