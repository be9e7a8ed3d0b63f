package main

import (
	"context"
	"fmt"
	"time"

	"github.com/balsaraft/balsa/backup"
)

// snapshotCommand lets a member take a snapshot now. It may be given again.
type snapshotCommand struct {
	Server  []string      `help:"Addresses of members' HTTP ports: the first that answers takes one. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	Timeout time.Duration `help:"How long to wait until it is on the disk. Default: ${default}." default:"1h" placeholder:"TIME"`
	JSON    bool          `name:"json" help:"Print what was done as JSON."`
	credentials
}

// Run waits until the snapshot is on the member's disk.
func (s snapshotCommand) Run(ctx context.Context, c console) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	m, err := findMember(ctx, s.Server, s.credentials)
	if err != nil {
		return err
	}
	defer m.CloseIdleConnections()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		m.followSnapshot(watching, startProgress(c.quiet(s.JSON), "snapshot", inBytes, 0))
	}()
	var done backup.Snapshotted
	err = m.post(ctx, backup.SnapshotPath, nil, &done)
	stop()
	<-watched
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(c.stdout, done)
	}
	_, err = fmt.Fprintf(c.stdout, "The snapshot of %s holds all up to entry %d.\n", done.Name, done.Index)
	return err
}

// followSnapshot tells how far the member is, until ctx ends.
func (a asked) followSnapshot(ctx context.Context, p *progress) {
	defer p.end()
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// One that does not answer now may do so the next time.
		_, s, err := askStatus(ctx, a.Client, a.server, a.token)
		if err == nil && s.Writing != nil {
			p.expect(max(s.Writing.Size, s.Writing.Bytes))
			p.set(s.Writing.Bytes)
		}
	}
}
