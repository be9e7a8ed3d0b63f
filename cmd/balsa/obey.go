package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/dashboard"
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
	case "cut":
		err = d.cut(ctx, words[1:])
	case "heal":
		d.stage.heal()
		d.say("all members hear each other")
	case "write":
		err = d.write(ctx, words[1:])
	case "help":
		d.say("%s", demoHelp)
	default:
		err = d.doTo(words)
	}
	if err != nil {
		d.say("error: %v", err)
	}
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }

func (d *demo) status() error {
	var standing []balsa.Status
	for _, l := range d.stage.running() {
		standing = append(standing, l.node.Status())
	}
	if len(standing) == 0 {
		d.say("no member runs")
		return nil
	}
	return printTable(d.stdout, standing)
}

// done says what is done to a member now, by the word that did it.
var done = map[string]string{
	"stop": "is stopped", "start": "runs", "kill": "was killed", "pause": "stands still until you type: resume %s", "resume": "goes on",
	"slow": "has a slow disk until you type: quick %s", "quick": "has a quick disk",
	"fill": "has a full disk until you type: empty %s", "empty": "has room on its disk",
	"flip": "was killed, a byte of its log was flipped, and it runs again",
}

// doTo does something to one member.
func (d *demo) doTo(words []string) error {
	said := done[words[0]]
	switch {
	case said == "":
		return fmt.Errorf("unknown command %q; there are: %s", words[0], demoHelp)
	case len(words) != 2:
		return fmt.Errorf("%s needs one member, such as: %s b", words[0], words[0])
	}
	a, err := d.stage.find(words[1])
	if err == nil {
		err = d.stage.doTo(a, words[0])
	}
	if err == nil {
		d.say("%s %s", a.name, strings.ReplaceAll(said, "%s", a.name))
	}
	return err
}

// cut keeps two members from hearing each other.
func (d *demo) cut(ctx context.Context, words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("cut needs two members, such as: cut a c")
	}
	if err := d.stage.Do(ctx, dashboard.Action{Do: "cut", Member: words[0], Other: words[1]}); err != nil {
		return err
	}
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
	members := d.stage.running()
	if len(members) == 0 {
		return fmt.Errorf("no member runs; type: start a")
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
