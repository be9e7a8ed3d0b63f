package backup_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
)

// waiting is a member whose backups are written once they may go on.
type waiting struct{ begun, goOn chan struct{} }

func (w waiting) Backup(ctx context.Context, to io.Writer) (balsa.Index, error) {
	w.begun <- struct{}{}
	<-w.goOn
	_, err := io.WriteString(to, "state")
	return 7, err
}

func (waiting) Status() balsa.Status { return balsa.Status{Name: "a"} }

// Readers who take their time, or never read, cannot make a member write backups without end.
func TestFewBackupsAreWrittenAtATime(t *testing.T) {
	const most = 4
	member := waiting{make(chan struct{}), make(chan struct{})}
	h := backup.Handler(member, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, backup.Path, nil))
		return w
	}
	answers := make(chan *httptest.ResponseRecorder)
	for range most {
		go func() { answers <- ask() }()
		<-member.begun
	}
	if w := ask(); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"overloaded"`) || !strings.Contains(w.Body.String(), "ask another member") {
		t.Errorf("one more is answered %d %s", w.Code, w.Body)
	}
	close(member.goOn)
	for range most {
		if w := <-answers; w.Code != http.StatusOK {
			t.Errorf("one that was begun is answered %d %s", w.Code, w.Body)
		}
	}
	go func() { answers <- ask() }()
	<-member.begun
	if w := <-answers; w.Code != http.StatusOK {
		t.Errorf("once they are done: %d %s", w.Code, w.Body)
	}
}
