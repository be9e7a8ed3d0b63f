package balsa

import (
	"fmt"
	"time"

	"github.com/balsaraft/balsa/host"
)

// Recovery is what Recover has done, or would do.
type Recovery = host.Recovery

// ErrNotRecoverable: Recover is not what this directory needs; the error says what is.
var ErrNotRecoverable = host.ErrNotRecoverable

// Recover is for a cluster that has lost its majority for good. It makes the member that
// lives in Config.Dir the only one of a new cluster, with all entries of its log, and is
// the last resort: of the last entries some may never have been committed, and those that
// only the lost members had are gone. With dry it changes nothing, and only says how the
// member stands; of several members that are left, recover the one whose Last is the
// highest, terms first.
//
// The member must not be running. Afterwards it is opened as ever. Members of the former
// life are refused by it and refuse it; with an empty directory and Join they become
// members of the new cluster.
//
// It may be repeated after an error or a crash. Errors: ErrLocked while the member runs,
// ErrNotRecoverable, ErrDamaged, ErrNewerVersion, identity.ErrNone where nobody lives, and
// the file system's.
func Recover(cfg Config, dry bool) (Recovery, error) {
	if cfg.inMemory() {
		return Recovery{}, fmt.Errorf("balsa: recover: %w: Dir is empty, and a member in memory leaves nothing to recover", ErrConfig)
	}
	if cfg.Random == nil {
		cfg.Random = systemRandom
	}
	r, err := recoverMember(cfg, dry)
	if err != nil {
		return r, fmt.Errorf("balsa: recover %s: %w", cfg.where(), err)
	}
	return r, nil
}

func recoverMember(cfg Config, dry bool) (Recovery, error) {
	files, err := cfg.files()
	if err != nil {
		return Recovery{}, err
	}
	lock, err := files.Lock()
	if err != nil {
		return Recovery{}, err
	}
	defer lock.Close()
	return host.Recover(files, cfg.Random, time.Now().UnixNano(), dry)
}
