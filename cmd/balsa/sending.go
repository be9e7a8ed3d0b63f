package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/wire"
)

// asked is a member that answers at its HTTP port.
type asked struct {
	*http.Client
	server, token string
	status        balsa.Status
}

// findMember is the first member of a list that answers.
func findMember(ctx context.Context, servers []string, who credentials) (asked, error) {
	token, err := who.token()
	if err != nil {
		return asked{}, err
	}
	client, err := who.client()
	if err != nil {
		return asked{}, err
	}
	var errs []error
	for _, server := range servers {
		_, status, err := askStatus(ctx, client, server, token)
		if err == nil {
			return asked{client, server, token, status}, nil
		}
		errs = append(errs, err)
	}
	client.CloseIdleConnections()
	return asked{}, errors.Join(errs...)
}

// errNoAnswer says that a member has not answered, whatever it did.
var errNoAnswer = errors.New("no answer came")

// post asks the member to do something, and reads what it answers.
func (a asked) post(ctx context.Context, path string, body io.Reader, into any) error {
	request, err := memberRequest(ctx, http.MethodPost, a.server, path, a.token, body)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Expect", "100-continue") // a refusal comes before all of it is sent
	}
	answer, err := a.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", a.server, backup.Refusal(answer))
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("%w: read what %s answers: %w", balsa.ErrUnknown, a.server, err)
	}
	return nil
}

// send sends a backup to be restored. Once all of it is on its way, nobody can tell from an
// answer that does not come what became of it.
func (r restoreCommand) send(ctx context.Context, c console, m asked, from io.Reader, size int64) (wire.Index, error) {
	path := backup.RestorePath
	if r.OtherCluster {
		path += "?other-cluster=true"
	}
	p := startProgress(c.quiet(r.JSON), "restore", inBytes, size)
	defer p.end()
	all := &untilEnd{Reader: p.reader(from)}
	var done backup.Restored
	err := m.post(ctx, path, all, &done)
	switch {
	case !errors.Is(err, errNoAnswer):
	case all.ended.Load():
		err = fmt.Errorf("%w: all of the backup was sent: %w", balsa.ErrUnknown, err)
	default:
		err = fmt.Errorf("%w: the backup was not sent to its end: %w", balsa.ErrNotCommitted, err)
	}
	return done.Index, err
}

// untilEnd knows whether a reader was read to its end.
type untilEnd struct {
	io.Reader
	ended atomic.Bool
}

func (u *untilEnd) Read(b []byte) (int, error) {
	n, err := u.Reader.Read(b)
	if err == io.EOF {
		u.ended.Store(true)
	}
	return n, err
}
