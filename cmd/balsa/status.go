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
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
)

// statusCommand shows how the members of a cluster stand, as those that are asked know.
type statusCommand struct {
	Server []string `help:"URL of a member's HTTP port; several, separated by commas, to hear each for itself. Default: ${default}." default:"http://127.0.0.1:8080" placeholder:"URL"`
	JSON   bool     `name:"json" help:"Print what the member answers, as JSON; of several members, an array."`
	Watch  bool     `help:"Look again every second."`
	credentials
}

// watchEvery is how often --watch looks.
const watchEvery = time.Second

// Run looks once, or until a signal comes: on a terminal in the place of what was there
// before, elsewhere one after the other.
func (s *statusCommand) Run(ctx context.Context, c console) error {
	if !s.Watch {
		answers, standing, err := s.look(ctx)
		if len(standing) == 0 {
			return err
		}
		return errors.Join(err, s.print(c.stdout, answers, standing))
	}
	show := s.shower(c)
	for {
		if err := show(s.look(ctx)); err != nil {
			return err
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// shower shows what a look has brought, members that do not answer among it.
func (s *statusCommand) shower(c console) func([]json.RawMessage, []balsa.Status, error) error {
	if s.JSON {
		return func(answers []json.RawMessage, _ []balsa.Status, err error) error {
			if err != nil {
				fmt.Fprintln(c.stderr, err)
			}
			if len(answers) == 0 {
				return nil
			}
			return json.NewEncoder(c.stdout).Encode(s.asked(answers)) // a line, for programs that read on
		}
	}
	drawn, b := screen{out: c.stdout}, brushFor(c.stdout)
	inPlace := redraws(c.stdout)
	return func(_ []json.RawMessage, standing []balsa.Status, err error) error {
		var lines []string
		if len(standing) > 0 {
			lines = statusTable(standing, b)
		}
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				lines = append(lines, b.paint(red, strings.TrimRight(line, "\n")))
			}
		}
		if inPlace {
			return drawn.show(append(lines, b.paint(faint, time.Now().Format(time.TimeOnly)+", again each second; Ctrl-C ends")))
		}
		_, err = fmt.Fprintln(c.stdout, strings.Join(lines, "\n")+"\n")
		return err
	}
}

// look asks all members that were named. Those that answered are there beside an error.
func (s *statusCommand) look(ctx context.Context) (answers []json.RawMessage, standing []balsa.Status, err error) {
	token, err := s.token()
	if err != nil {
		return nil, nil, err
	}
	members, err := s.client()
	if err != nil {
		return nil, nil, err
	}
	defer members.CloseIdleConnections()
	var errs []error
	for _, server := range s.Server {
		raw, status, err := askStatus(ctx, members, server, token)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		answers, standing = append(answers, raw), append(standing, status)
	}
	return answers, standing, errors.Join(errs...)
}

func (s *statusCommand) print(w io.Writer, answers []json.RawMessage, standing []balsa.Status) error {
	if s.JSON {
		return printJSON(w, s.asked(answers))
	}
	return printTable(w, standing)
}

// asked is what the members answered: of one that was asked alone no array.
func (s *statusCommand) asked(answers []json.RawMessage) any {
	if len(s.Server) == 1 {
		return answers[0]
	}
	return answers
}

// askStatus asks one member. It takes the raw answer along, since a newer member may
// say more than this program knows.
func askStatus(ctx context.Context, members *http.Client, server, token string) (raw json.RawMessage, s balsa.Status, err error) {
	const patience, enough = 5 * time.Second, 1 << 20
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := askMember(ctx, members, http.MethodGet, server, "status", token)
	if err != nil {
		return nil, s, err
	}
	defer answer.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(answer.Body, enough))
	if err != nil {
		return nil, s, fmt.Errorf("read what %s answers: %w", server, err)
	}
	if answer.StatusCode == http.StatusUnauthorized {
		return nil, s, fmt.Errorf("%s does not know the caller; give BALSA_TOKEN, --token-file or --token a token that it knows, or --cert a certificate", server)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, s, fmt.Errorf("%s answers %s: %.200s; is it a member of balsa?", server, answer.Status, bytes.TrimSpace(raw))
	}
	if err := json.Unmarshal(raw, &s); err != nil || s.Name == "" {
		return nil, s, fmt.Errorf("%s does not answer as a member does; is it one of balsa?", server)
	}
	return raw, s, nil
}

// printTable prints a line for each member that anyone who was asked knows of.
func printTable(w io.Writer, standing []balsa.Status) error {
	for _, line := range statusTable(standing, brushFor(w)) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// statusTable has a line for each member. What nobody of those who were asked knows is a
// dash: each knows itself, and from the leader how far the others' logs are.
func statusTable(standing []balsa.Status, b brush) []string {
	rows := [][]cell{cells("MEMBER", "ROLE", "ADDRESS", "STATE", "TERM", "COMMIT", "APPLIED", "LAG")}
	for i := range rows[0] {
		rows[0][i].look = bold
	}
	newest := standing[0]
	for _, s := range standing {
		if s.Term > newest.Term || s.Term == newest.Term && s.Role == "leader" {
			newest = s
		}
	}
	members := slices.Clone(newest.Members)
	slices.SortFunc(members, func(a, b balsa.MemberStatus) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for _, m := range members {
		rows = append(rows, row(m, newest, standing))
	}
	for _, s := range standing {
		if len(s.Members) == 0 {
			// It belongs to no cluster yet, so that no list of members has it.
			rows = append(rows, row(balsa.MemberStatus{Name: s.Name, ID: s.ID, Addr: s.Addr, Role: "-"}, s, standing))
		}
	}
	lines := append(align(rows, b), versionLine(newest))
	for _, s := range standing {
		if s.Waiting != "" {
			lines = append(lines, b.paint(yellow, fmt.Sprintf("%s: %s", s.Name, s.Waiting)))
		}
		if s.Diverged != "" {
			lines = append(lines, b.paint(red, fmt.Sprintf("%s: members have different states: %s", s.Name, s.Diverged)))
		}
	}
	return lines
}

// looks are the colours of states that are worth one.
var looks = map[string]colour{"leader": green, "unreachable": red, "candidate": yellow, "repairing": red, "removed": red, "founding": yellow, "joining": yellow}

// row is a member's line, as it says itself if it was asked, else as newest sees it.
func row(m balsa.MemberStatus, newest balsa.Status, standing []balsa.Status) []cell {
	const unknown = "-"
	line := cells(m.Name, m.Role, cmp.Or(m.Addr, unknown), state(m, newest), unknown, unknown, unknown, unknown)
	if own := slices.IndexFunc(standing, func(s balsa.Status) bool { return s.ID == m.ID }); own >= 0 {
		s := standing[own]
		for i, text := range []string{s.Role, fmt.Sprint(s.Term), fmt.Sprint(s.Commit), fmt.Sprint(s.Applied), lag(newest, s.Applied)} {
			line[3+i].text = text
		}
	} else if surveyed(newest) {
		line[7].text = lag(newest, m.Match)
	}
	line[3].look = looks[line[3].text]
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
