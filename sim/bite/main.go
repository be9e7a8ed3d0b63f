// Command bite finds out whether the tests bite: it plants faults in the code, one at a
// time, and looks who catches them.
//
//	go run ./sim/bite                       # all of them, each before its judge
//	go run ./sim/bite -only vote            # those whose row or text says "vote"
//	go run ./sim/bite -world                # the simulator first, whoever is the judge
//	go run ./sim/bite -list
//
// Each fault is a few words of source that are replaced by others, known to break a
// promise: a row of what has broken other consensus systems, or a rule of this code. It
// is planted by an overlay of the go command, so that no file of the tree is touched. A
// fault whose old text does not stand in its file exactly once is an error: the list
// cannot rot.
//
// A judge is the simulator, which plays worlds until one breaks, or the tests of a
// package. The judges must be content with the code as it is, or they prove nothing: that
// is looked at first. It ends with 1 if a fault survives all of them, with 2 if a judge is
// no use or the list has rotted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "plant those alone whose row, file or text contains this")
	list := flag.Bool("list", false, "list the faults and plant none")
	search := flag.Bool("world", false, "ask the simulator first, whoever is the judge")
	seeds := flag.Int("seeds", 1500, "how many worlds a fault must survive to have survived the simulator: about a minute of a core")
	first := flag.Uint64("first", 1, "the first of the worlds")
	flag.Parse()
	chosen := choose(faults(), *only)
	if *list {
		for _, f := range chosen {
			fmt.Println(f)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	code, err := bite(ctx, chosen, terms{first: *first, seeds: *seeds, worldFirst: *search})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bite:", err)
		code = 2
	}
	os.Exit(code)
}

func choose(all []fault, part string) (chosen []fault) {
	for _, f := range all {
		if strings.Contains(f.String()+f.file, part) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// tally is how the faults fared.
type tally struct{ caught, byWorld, survived, unusable int }

// bite plants the faults one after the other and tells who caught each.
func bite(ctx context.Context, chosen []fault, t terms) (code int, err error) {
	if len(chosen) == 0 {
		return 0, errors.New("no fault is like that; -list shows them")
	}
	p, err := newPlanter()
	if err != nil {
		return 0, err
	}
	defer p.close()
	began := time.Now()
	b := bench{planter: p, terms: t, trusted: map[judge]bool{}}
	var sum tally
	for _, f := range chosen {
		v, err := b.try(ctx, f)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		fmt.Println(sum.add(f, v, err))
	}
	fmt.Printf("%d faults in %s: %d caught, %d of them by the simulator; %d survived\n",
		len(chosen), time.Since(began).Round(time.Second), sum.caught, sum.byWorld, sum.survived)
	switch {
	case sum.unusable > 0:
		return 0, fmt.Errorf("%d faults cannot be planted or judged; mend the list", sum.unusable)
	case sum.survived > 0:
		return 1, nil
	}
	return 0, nil
}

// add counts what became of a fault, and returns it as text.
func (t *tally) add(f fault, v verdict, err error) string {
	word, what := "caught", fmt.Sprint(v)
	switch {
	case err != nil:
		t.unusable++
		word, what = "UNUSABLE", err.Error()
	case !v.caught:
		t.survived++
		word = "SURVIVED"
	default:
		t.caught++
		if v.by == simulator {
			t.byWorld++
		}
	}
	return fmt.Sprintf("%-9s %s: %s\n          %s", word, f.row, f.what, what)
}
