package trace

import (
	"io"
	"log/slog"
	"time"
)

// Live is a recorder for the member of a running process, as balsa.Config.Trace takes it.
// Its clock does not go back when the calendar does. After an error of writing the member
// goes on without it, and the logger gets the error.
func Live(out io.Writer, logger *slog.Logger) *Recorder {
	began := time.Now()
	clock := func() int64 { return began.UnixNano() + int64(time.Since(began)) }
	return NewRecorder(complaining{out, logger}, clock)
}

// complaining is a trace's writer. After an error nothing more is written, so people
// should know.
type complaining struct {
	io.Writer
	logger *slog.Logger
}

func (c complaining) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	if err != nil {
		c.logger.Error("the trace ends here; the member goes on without", "error", err)
	}
	return n, err
}
