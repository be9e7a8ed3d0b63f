package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/wire"
)

// recoverCommand makes one member that is left the only one of a new cluster.
type recoverCommand struct {
	Dir    string `required:"" type:"existingdir" help:"Directory of the member, which must not be running." placeholder:"DIR"`
	DryRun bool   `help:"Say what would be kept and what may be lost, and change nothing."`
	JSON   bool   `name:"json" help:"Print it as JSON."`
}

// recovered is what a recovery prints as JSON.
type recovered struct {
	Name       string         `json:"name"`
	ID         wire.MemberID  `json:"id"`
	Role       string         `json:"role"`
	Former     wire.ClusterID `json:"former_cluster"`
	New        wire.ClusterID `json:"new_cluster"` // 0000000000000000 after a dry run
	Term       wire.Term      `json:"term"`        // of the member; votes count, too
	Known      wire.Index     `json:"known_committed"`
	LastTerm   wire.Term      `json:"last_term"`
	Last       wire.Index     `json:"last"`
	Uncertain  wire.Index     `json:"uncertain"` // entries after known_committed
	Regressed  bool           `json:"regressed"`
	Diverged   wire.Index     `json:"diverged"` // 0: not
	Membership string         `json:"members"`
}

// Run looks at the directory, and recovers the member unless it is a dry run.
func (r *recoverCommand) Run(c console) error {
	done, err := balsa.Recover(balsa.Config{Dir: r.Dir}, r.DryRun)
	if errors.Is(err, balsa.ErrLocked) {
		return fmt.Errorf("%w: a member that runs is not recovered", err)
	}
	if err != nil {
		return err
	}
	facts := recovered{
		Name: done.Name, ID: done.ID, Role: done.Role, Former: done.Former, New: done.New,
		Term: done.Term, Known: done.Known.Index, LastTerm: done.Last.Term, Last: done.Last.Index,
		Uncertain: done.Last.Index - done.Known.Index, Regressed: done.Regressed, Diverged: done.Diverged, Membership: done.Membership.String(),
	}
	if r.JSON {
		b, err := json.MarshalIndent(facts, "", "  ")
		if err != nil {
			return fmt.Errorf("print the recovery as JSON: %w", err)
		}
		_, err = fmt.Fprintf(c.stdout, "%s\n", b)
		return err
	}
	return facts.print(c.stdout)
}

func (f recovered) print(w io.Writer) error {
	text := fmt.Sprintf("Member %s, a %s of cluster %s: %s\n", f.Name, f.Role, f.Former, f.Membership)
	text += fmt.Sprintf("  known to be committed  up to entry %d, which its snapshots hold\n", f.Known)
	text += fmt.Sprintf("  last entry             %d of term %d: the %d after those count as committed from now on, and perhaps never were\n", f.Last, f.LastTerm, f.Uncertain)
	text += fmt.Sprintf("  lost                   what other members acknowledged after entry %d\n", f.Last)
	if f.Regressed {
		text += "  lost, too              entries that this very member has acknowledged: its directory is an older image\n"
	}
	if f.Diverged != 0 {
		text += fmt.Sprintf("  differs                its state is not that of most other members since entry %d or before\n", f.Diverged)
	}
	if f.New == 0 {
		text += "Nothing was changed. Of several members that are left, recover the one with the last entry of the highest\n" +
			"term, and of those the highest entry. Be sure that the others will not come back as a majority.\n"
	} else {
		text += fmt.Sprintf("It is the only member of the new cluster %s now. Start it; then start the others with empty\n", f.New) +
			"directories and --join: they become members of it. With their old ones they are refused.\n"
	}
	_, err := fmt.Fprint(w, text)
	return err
}
