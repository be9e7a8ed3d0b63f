package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/wire"
)

// restoreCommand brings a backup back: as a new cluster, or into the one that runs.
type restoreCommand struct {
	File    string `arg:"" help:"The backup; - is standard input." placeholder:"FILE"`
	Dir     string `help:"An empty directory, made if it is missing, for the first member of a new cluster." type:"path" placeholder:"DIR"`
	Name    string `help:"That member's name." placeholder:"NAME"`
	Running bool   `help:"Replace what the running cluster holds, on all of its members at once; in place of --dir and --name."`

	Server       []string `help:"With --running: addresses of members' HTTP ports, any of them. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	OtherCluster bool     `help:"With --running: do it though the backup is of another cluster."`
	Yes          bool     `help:"With --running: do not ask."`
	JSON         bool     `name:"json" help:"Print what was done as JSON."`
	credentials
}

// Run makes the member, or replaces the state.
func (r restoreCommand) Run(ctx context.Context, c console) error {
	fresh := r.Dir != "" && r.Name != ""
	switch {
	case r.Running == fresh || r.Running && (r.Dir != "" || r.Name != ""):
		return fmt.Errorf("%w: give --dir and --name for the first member of a new cluster, or --running for the cluster that runs", errUsage)
	case r.Running:
		return ofBackup(r.replace(ctx, c))
	case r.OtherCluster || r.Yes:
		return fmt.Errorf("%w: --other-cluster and --yes are for --running", errUsage)
	}
	return ofBackup(r.begin(c))
}

// restored is what a restore into a directory prints as JSON.
type restored struct {
	Name   string         `json:"name"`
	ID     wire.MemberID  `json:"id"`
	Former wire.ClusterID `json:"former_cluster"`
	New    wire.ClusterID `json:"new_cluster"`
	Index  wire.Index     `json:"index"`
	Term   wire.Term      `json:"term"`
	Time   time.Time      `json:"time"`
}

// begin makes the first member of a new cluster.
func (r restoreCommand) begin(c console) error {
	f, size, err := openBackup(c, r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := noStore(r.Dir); err != nil {
		return err
	}
	p := startProgress(c.quiet(r.JSON), "restore", inBytes, size)
	plain := backup.Decompress(p.reader(f), r.File)
	defer plain.Close()
	done, err := balsa.Restore(balsa.Config{Name: r.Name, Dir: r.Dir}, plain)
	p.end()
	if err != nil {
		return err
	}
	facts := restored{Name: done.Name, ID: done.ID, Former: done.Former, New: done.New, Index: done.At.Index, Term: done.At.Term, Time: time.Unix(0, done.Time)}
	if r.JSON {
		return printJSON(c.stdout, facts)
	}
	_, err = fmt.Fprintf(c.stdout, "Member %s of the new cluster %s is in %s. It holds what cluster %s did at entry %d, %s.\n"+
		"Start it with: balsa serve --name %s --dir %s\nStart the others with empty directories and --join: they become members of it.\n",
		facts.Name, facts.New, r.Dir, facts.Former, facts.Index, facts.Time.UTC().Format(time.RFC3339), facts.Name, r.Dir)
	return err
}

// errNotConfirmed says that a person did not want what was asked about.
var errNotConfirmed = errors.New("not confirmed, nothing was changed")

// replaced is what a restore into the running cluster prints as JSON.
type replaced struct {
	Cluster wire.ClusterID `json:"cluster"`
	Index   wire.Index     `json:"index"`  // at which the backup became the state
	Former  wire.Index     `json:"former"` // that the cluster had committed when it was asked
	Backup  backup.Info    `json:"backup"`
}

// replace makes the backup what the running cluster holds.
func (r restoreCommand) replace(ctx context.Context, c console) error {
	if r.File == "-" && !r.Yes {
		return fmt.Errorf("%w: a backup on standard input leaves nowhere to ask; add --yes", errUsage)
	}
	m, err := findMember(ctx, r.Server, r.credentials)
	if err != nil {
		return err
	}
	defer m.CloseIdleConnections()
	var info backup.Info
	if r.File != "-" {
		if info, err = r.look(c, m.status); err != nil {
			return err
		}
	}
	if !r.Yes {
		question := fmt.Sprintf("Cluster %s, at entry %d, is to hold what %s does: cluster %s as of entry %d, %s.\n"+
			"What was written since is gone from it then. Go on?", m.status.Cluster, m.status.Commit, r.File, info.Cluster, info.Index, info.Time.UTC().Format(time.RFC3339))
		if err := confirm(c, question); err != nil {
			return err
		}
	}
	f, size, err := openBackup(c, r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	index, err := r.send(ctx, c, m, f, size)
	if err != nil {
		return err
	}
	facts := replaced{Cluster: m.status.Cluster, Index: index, Former: m.status.Commit, Backup: info}
	if r.JSON {
		return printJSON(c.stdout, facts)
	}
	_, err = fmt.Fprintf(c.stdout, "Cluster %s holds what the backup does since entry %d, on every member.\n", facts.Cluster, facts.Index)
	return err
}

// look reads the whole backup before anything is sent.
func (r restoreCommand) look(c console, s balsa.Status) (backup.Info, error) {
	f, size, err := openBackup(c, r.File)
	if err != nil {
		return backup.Info{}, err
	}
	defer f.Close()
	p := startProgress(c.quiet(r.JSON), "check", inBytes, size)
	defer p.end()
	info, err := backup.Check(p.reader(f), r.File)
	if err == nil && info.Cluster != s.Cluster && !r.OtherCluster {
		err = fmt.Errorf("%s: %w: %s, and this is cluster %s", r.File, balsa.ErrOtherCluster, info.Cluster, s.Cluster)
	}
	return info, err
}
