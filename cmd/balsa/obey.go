package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// obey does one command of the demo. What goes wrong is said, and the demo goes on.
func (d *demo) obey(ctx context.Context, words []string) {
	if len(words) == 0 {
		return
	}
	var err error
	switch words[0] {
	case "status":
		err = d.status()
	case "stop", "start":
		err = d.toggle(ctx, words)
	case "cut":
		err = d.cut(words[1:])
	case "heal":
		for _, m := range d.running() {
			m.net.heal()
		}
		d.say("all members hear each other")
	case "write":
		err = d.write(ctx, words[1:])
	case "help":
		d.say("%s", demoHelp)
	default:
		err = fmt.Errorf("unknown command %q; there are: %s", words[0], demoHelp)
	}
	if err != nil {
		d.say("error: %v", err)
	}
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }

func (d *demo) running() (running []*demoMember) {
	for _, m := range d.members {
		if m != nil {
			running = append(running, m)
		}
	}
	return running
}

func (d *demo) status() error {
	var standing []balsa.Status
	for _, m := range d.running() {
		standing = append(standing, m.node.Status())
	}
	if len(standing) == 0 {
		d.say("all members are stopped")
		return nil
	}
	return printTable(d.stdout, standing)
}

// find is the place of the member that a word names.
func find(word string) (int, error) {
	i := slices.Index(demoNames[:], word)
	if i < 0 {
		return 0, fmt.Errorf("there is no member %q; there are %v", word, demoNames)
	}
	return i, nil
}

func (d *demo) toggle(ctx context.Context, words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("%s needs one member, such as: %s b", words[0], words[0])
	}
	i, err := find(words[1])
	stopped := err == nil && d.members[i] == nil
	switch {
	case err != nil:
		return err
	case words[0] == "stop" && stopped:
		return fmt.Errorf("%s is stopped already", words[1])
	case words[0] == "start" && !stopped:
		return fmt.Errorf("%s runs already", words[1])
	case words[0] == "stop":
		err = d.stop(i)
		d.say("%s is stopped", words[1])
		return err
	}
	if err := d.start(ctx, i); err != nil {
		return err
	}
	d.say("%s runs", words[1])
	return nil
}

// cut keeps two members from hearing each other.
func (d *demo) cut(words []string) error {
	if len(words) != 2 || words[0] == words[1] {
		return fmt.Errorf("cut needs two members, such as: cut a c")
	}
	var ends [2]*demoMember
	for k, word := range words {
		i, err := find(word)
		if err != nil {
			return err
		}
		if ends[k] = d.members[i]; ends[k] == nil {
			return fmt.Errorf("%s is stopped", word)
		}
	}
	ends[0].net.cut(ends[1].node.Status().ID)
	ends[1].net.cut(ends[0].node.Status().ID)
	d.say("%s and %s do not hear each other until you type: heal", words[0], words[1])
	return nil
}

// write puts some keys, through all members at once, and says how fast that went.
func (d *demo) write(ctx context.Context, words []string) error {
	const callers, most, patience = 64, 1_000_000, 10 * time.Second
	var count int
	var err error
	if len(words) == 1 {
		count, err = strconv.Atoi(words[0])
	}
	if len(words) != 1 || err != nil || count < 1 || count > most {
		return fmt.Errorf("write needs a number up to %d, such as: write 1000", most)
	}
	members := d.running()
	if len(members) == 0 {
		return fmt.Errorf("all members are stopped; type: start a")
	}
	var next, done atomic.Int64
	var failed atomic.Pointer[error]
	var workers sync.WaitGroup
	begin := time.Now()
	for w := range callers {
		workers.Go(func() {
			store := members[w%len(members)].store
			for i := next.Add(1); i <= int64(count) && failed.Load() == nil; i = next.Add(1) {
				if err := putOne(ctx, store, i, patience); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	took := time.Since(begin)
	d.say("%d writes in %s, %.0f a second", done.Load(), took.Round(time.Millisecond), float64(done.Load())/took.Seconds())
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func putOne(ctx context.Context, store kv.Store, i int64, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := store.Put(ctx, fmt.Sprintf("key-%d", i), fmt.Appendf(nil, "value %d", i))
	return err
}
