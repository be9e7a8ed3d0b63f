package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/balsaraft/balsa"
)

// statusCommand shows how the members of a cluster stand, as those that are asked know.
type statusCommand struct {
	Server []string `help:"URL of a member's HTTP port; several, separated by commas, to hear each for itself. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL"`
	JSON   bool     `name:"json" help:"Print what the member answers, as JSON; of several members, an array."`
	Watch  bool     `help:"Look again every second."`
}

// watchEvery is how often --watch looks.
const watchEvery = time.Second

// Run looks once, or until a signal comes.
func (s *statusCommand) Run(ctx context.Context, c console) error {
	for {
		err := s.look(ctx, c)
		if !s.Watch {
			return err
		}
		if err != nil {
			fmt.Fprintln(c.stdout, err)
		}
		select {
		case <-time.After(watchEvery):
			fmt.Fprintln(c.stdout)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *statusCommand) look(ctx context.Context, c console) error {
	var answers []json.RawMessage
	var standing []balsa.Status
	var errs []error
	for _, server := range s.Server {
		raw, status, err := askStatus(ctx, server)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		answers, standing = append(answers, raw), append(standing, status)
	}
	err := errors.Join(errs...)
	if len(standing) == 0 {
		return err
	}
	if s.JSON {
		return errors.Join(err, s.printJSON(c.stdout, answers))
	}
	return errors.Join(err, printTable(c.stdout, standing))
}

func (s *statusCommand) printJSON(w io.Writer, answers []json.RawMessage) error {
	var data any = answers
	if len(s.Server) == 1 {
		data = answers[0]
	}
	b, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return fmt.Errorf("print the status as JSON: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// askStatus asks one member. It takes the raw answer along, since a newer member may
// say more than this program knows.
func askStatus(ctx context.Context, server string) (raw json.RawMessage, s balsa.Status, err error) {
	const patience, enough = 5 * time.Second, 1 << 20
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at, err := url.Parse(server)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, s, fmt.Errorf("%w: --server %s: it must be a URL, such as http://127.0.0.1:8080", errUsage, server)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("status").String(), nil)
	if err != nil {
		return nil, s, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, s, err
	}
	defer answer.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(answer.Body, enough))
	if err != nil {
		return nil, s, fmt.Errorf("read what %s answers: %w", server, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, s, fmt.Errorf("%s answers %s: %.200s; is it a member of balsa?", server, answer.Status, bytes.TrimSpace(raw))
	}
	if err := json.Unmarshal(raw, &s); err != nil || s.Name == "" {
		return nil, s, fmt.Errorf("%s does not answer as a member does; is it one of balsa?", server)
	}
	return raw, s, nil
}

// printTable prints a line for each member that anyone who was asked knows of. What
// nobody of them knows is a dash: each knows itself, and from the leader how far the
// others' logs are.
func printTable(w io.Writer, standing []balsa.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MEMBER\tROLE\tADDRESS\tSTATE\tTERM\tCOMMIT\tAPPLIED\tLAG")
	newest := standing[0]
	for _, s := range standing {
		if s.Term > newest.Term || s.Term == newest.Term && s.Role == "leader" {
			newest = s
		}
	}
	members := slices.Clone(newest.Members)
	slices.SortFunc(members, func(a, b balsa.MemberStatus) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for _, m := range members {
		fmt.Fprintln(t, strings.Join(row(m, newest, standing), "\t"))
	}
	for _, s := range standing {
		if len(s.Members) == 0 {
			// It belongs to no cluster yet, so that no list of members has it.
			fmt.Fprintln(t, strings.Join(row(balsa.MemberStatus{Name: s.Name, ID: s.ID, Addr: s.Addr, Role: "-"}, s, standing), "\t"))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range standing {
		if s.Waiting != "" {
			fmt.Fprintf(w, "%s: %s\n", s.Name, s.Waiting)
		}
	}
	return nil
}

// row is a member's line, as it says itself if it was asked, else as newest sees it.
func row(m balsa.MemberStatus, newest balsa.Status, standing []balsa.Status) []string {
	const unknown = "-"
	line := []string{m.Name, m.Role, cmp.Or(m.Addr, unknown), state(m, newest), unknown, unknown, unknown, unknown}
	for _, own := range standing {
		if own.ID == m.ID {
			line[3] = own.Role
			line[4], line[5], line[6] = fmt.Sprint(own.Term), fmt.Sprint(own.Commit), fmt.Sprint(own.Applied)
			line[7] = lag(newest, own.Applied)
			return line
		}
	}
	if surveyed(newest) {
		line[7] = lag(newest, m.Match)
	}
	return line
}

// state is how a member that was not asked stands, as far as another one knows.
func state(m balsa.MemberStatus, newest balsa.Status) string {
	switch {
	case m.ID == newest.LeaderID:
		return "leader"
	case !surveyed(newest):
		return "-"
	case !m.Active:
		return "unreachable"
	case m.Role == "learner":
		return "learner"
	}
	return "follower"
}

// surveyed says whether a status holds what the leader knows of the others: only a
// leader, or who asked it, finds the leader active.
func surveyed(s balsa.Status) bool {
	return slices.ContainsFunc(s.Members, func(m balsa.MemberStatus) bool { return m.ID == s.LeaderID && m.Active })
}

// lag is how far a member is behind what is committed, or, where only a follower was
// asked, which hears of that late, behind the leader's log.
func lag(newest balsa.Status, reached balsa.Index) string {
	end := newest.Commit
	for _, m := range newest.Members {
		if m.ID == newest.LeaderID && newest.Role != "leader" {
			end = max(end, m.Match)
		}
	}
	if reached >= end {
		return "0"
	}
	return fmt.Sprint(end - reached)
}
