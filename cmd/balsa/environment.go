package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// AfterApply refuses settings that make no sense, and an environment that means to set
// something and does not.
func (s *serveCommand) AfterApply(ctx *kong.Context) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	var err error
	s.strays, err = strays(os.Environ(), environmentNames(ctx.Model.Node))
	return err
}

// strays are variables that look like settings and that nobody reads. One that is almost one
// which is read is refused: it may be what was to keep strangers out.
func strays(environment, known []string) (all []string, err error) {
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "BALSA_") || slices.Contains(known, name) || ofOthers.MatchString(name) {
			continue
		}
		for _, meant := range known {
			if edits(name, meant) <= tolerated(meant) {
				return nil, fmt.Errorf("%w: there is no setting %s; is it %s?", errUsage, name, meant)
			}
		}
		all = append(all, name)
	}
	return all, nil
}

// ofOthers are variables that Kubernetes makes for a service whose name begins with balsa,
// and those of a command that runs under a lock.
var ofOthers = regexp.MustCompile(`^BALSA_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$|^BALSA_LOCK_(NAME|TOKEN)$`)

// tolerated is how many slips of the pen a name is known with: BALSA_PORT is not
// BALSA_CERT.
func tolerated(name string) int {
	const short = len("BALSA_") + 6
	if len(name) <= short {
		return 1
	}
	return 2
}

// environmentNames are the variables that a command and those below it read.
func environmentNames(n *kong.Node) (names []string) {
	for _, f := range n.Flags {
		names = append(names, f.Envs...)
	}
	for _, c := range n.Children {
		names = append(names, environmentNames(c)...)
	}
	return names
}

// edits is the distance of two names by optimal string alignment: how many letters are
// wrong, missing, too many, or have changed places with their neighbour.
func edits(a, b string) int {
	// far[i][j] is that of the first i letters of a and the first j of b.
	far := make([][]int, len(a)+1)
	for i := range far {
		far[i] = make([]int, len(b)+1)
		far[i][0] = i
	}
	for j := range far[0] {
		far[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := far[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			far[i][j] = min(change, far[i-1][j]+1, far[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				far[i][j] = min(far[i][j], far[i-2][j-2]+1)
			}
		}
	}
	return far[len(a)][len(b)]
}
