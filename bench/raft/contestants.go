package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/bench/internal/contest"
	"github.com/balsaraft/balsa/bench/internal/contest/balsa"
	"github.com/balsaraft/balsa/bench/internal/contest/dragonboat"
	"github.com/balsaraft/balsa/bench/internal/contest/etcdraft"
	"github.com/balsaraft/balsa/bench/internal/contest/floor"
	"github.com/balsaraft/balsa/bench/internal/contest/hashicorp"
)

// contestant is one of those that are compared.
type contestant struct {
	name string // for flags and columns
	open contest.Opener
	// settings say how it was set up, where it is not by the library's defaults.
	settings string
	// rival is false of this library and of the floor.
	rival bool
	// mark is true of the floor, which can do nothing but be loaded.
	mark bool
}

var contestants = []contestant{
	{
		name: "balsa", open: balsa.Open,
		settings: "the defaults",
	},
	{
		name: "etcd", open: etcdraft.Open, rival: true,
		settings: "go.etcd.io/raft v3.7.0 with etcd's wal and snap v3.7.3, driven as etcd's server drives it, and its settings " +
			"(messages of 1 MiB, 512 in flight, pre-vote, check-quorum; tick 100 ms, election 10 ticks); " +
			"a snapshot each 100,000 entries, 10,000 stay; plain TCP between members",
	},
	{
		name: "etcd-async", open: etcdraft.OpenAsync, rival: true,
		settings: "the same with AsyncStorageWrites: a goroutine writes all that waits with one sync, another one applies",
	},
	{
		name: "hashicorp", open: hashicorp.OpenWAL, rival: true,
		settings: "hashicorp/raft v1.8.0 with raft-wal v0.4.2 behind its LogCache of 512 entries; BatchApplyCh, MaxAppendEntries 1,024 (the most it takes), else the defaults",
	},
	{
		name: "hashicorp-bolt", open: hashicorp.OpenBolt, rival: true,
		settings: "the same with raft-boltdb v2.3.1, no freelist sync, freelist in a map, as Consul has it",
	},
	{
		name: "dragonboat", open: dragonboat.OpenTan, rival: true,
		settings: "lni/dragonboat v4 (23 July 2025) with its log in tan; a state machine that takes batches, no sessions, RTT 100 ms, heartbeat 1, election 10, " +
			"pre-vote, check-quorum; a snapshot each 100,000 entries, 10,000 stay",
	},
	{
		name: "dragonboat-pebble", open: dragonboat.OpenPebble, rival: true,
		settings: "the same with its log in Pebble, its default",
	},
	{
		name: "floor", open: floor.Open, mark: true,
		settings: "no Raft: member 0 leads for ever. Group commit into a file laid out beforehand (O_DIRECT and O_DSYNC over written blocks); " +
			"no terms, elections, sessions, checksums, results or recovery",
	},
}

// byName finds contestants in the order of names, all for none.
func byName(names []string) (found []contestant, err error) {
	if len(names) == 0 {
		return contestants, nil
	}
	for _, name := range names {
		c, err := one(name)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, nil
}

// withoutMark leaves the floor out.
func withoutMark(who []contestant) []contestant {
	return slices.DeleteFunc(slices.Clone(who), func(c contestant) bool { return c.mark })
}

// withoutSlow leaves out who takes minutes to fill a long log.
func withoutSlow(who []contestant) []contestant {
	return slices.DeleteFunc(slices.Clone(who), func(c contestant) bool { return c.name == "hashicorp-bolt" })
}

// oneLogEach leaves out who is there already with another log, so that what tells less of
// the libraries takes less time.
func oneLogEach(who []contestant) []contestant {
	return slices.DeleteFunc(slices.Clone(who), func(c contestant) bool {
		return c.name == "hashicorp-bolt" || c.name == "dragonboat-pebble"
	})
}

func one(name string) (contestant, error) {
	var known []string
	for _, c := range contestants {
		if c.name == name {
			return c, nil
		}
		known = append(known, c.name)
	}
	return contestant{}, fmt.Errorf("no contestant is called %q; there are %s", name, strings.Join(known, ", "))
}
