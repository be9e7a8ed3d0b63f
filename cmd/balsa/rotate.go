package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/balsaraft/balsa/pki"
)

// keepers are those of the certificates that a process shows; each is nil without TLS.
type keepers struct{ members, callers *pki.Keeper }

func (s *serveCommand) keepers() (c keepers, err error) {
	if c.members, err = s.TLS.keeper(s.Name); err != nil {
		return c, err
	}
	c.callers, err = s.ClientTLS.keeper(s.Access != "", s.TLS)
	return c, err
}

const (
	// lookEvery is how soon new files are found.
	lookEvery = 5 * time.Second
	// remindEvery is how often the owner is told what to look after.
	remindEvery = 12 * time.Hour
)

// rotate reads the files again whenever a signal comes or they have changed, until ctx
// ends. Files that are not right leave everything as it is.
func (c keepers) rotate(ctx context.Context, signals <-chan os.Signal, log *slog.Logger) {
	look, remind := time.NewTicker(lookEvery), time.NewTicker(remindEvery)
	defer look.Stop()
	defer remind.Stop()
	c.each(log, warn)
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			c.each(log, func(k *pki.Keeper, log *slog.Logger) {
				changed, err := k.Reload()
				tell(k, log, changed, err)
				if err == nil && !changed {
					log.Info("the files of certificates hold nothing new")
				}
			})
		case <-look.C:
			c.each(log, func(k *pki.Keeper, log *slog.Logger) {
				changed, err := k.Look()
				tell(k, log, changed, err)
			})
		case <-remind.C:
			c.each(log, warn)
		}
	}
}

func (c keepers) each(log *slog.Logger, f func(*pki.Keeper, *slog.Logger)) {
	if c.members != nil {
		f(c.members, log.With("for", "members"))
	}
	if c.callers != nil {
		f(c.callers, log.With("for", "callers"))
	}
}

func tell(k *pki.Keeper, log *slog.Logger, changed bool, err error) {
	switch {
	case err != nil:
		log.Error("THE CERTIFICATES STAY AS THEY WERE, because their files are not right", "error", err)
	case changed:
		log.Info("certificates were read again; connections from now on go by them")
		warn(k, log)
	}
}

func warn(k *pki.Keeper, log *slog.Logger) {
	for _, w := range k.Warnings() {
		log.Warn(w)
	}
}
