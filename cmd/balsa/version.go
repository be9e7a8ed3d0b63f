package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/balsaraft/balsa"
)

// versionLine says of which version the cluster is, and who holds it back.
func versionLine(s balsa.Status) string {
	line := "Cluster version " + s.Version.String()
	var newest balsa.ClusterVersion // that anybody understands
	for _, m := range s.Members {
		if m.Newest != nil {
			newest.Log, newest.Commands = max(newest.Log, m.Newest.Log), max(newest.Commands, m.Newest.Commands)
		}
	}
	if s.Version.Reaches(newest) {
		return line
	}
	var back []string
	for _, m := range s.Members {
		switch {
		case m.Newest == nil:
			back = append(back, m.Name+" cannot be asked")
		case !m.Newest.Reaches(newest):
			back = append(back, fmt.Sprintf("%s understands %s", m.Name, m.Newest))
		}
	}
	if len(back) == 0 {
		return line + fmt.Sprintf(", becomes %s soon", newest)
	}
	slices.Sort(back)
	return line + fmt.Sprintf("; for %s upgrade: %s", newest, strings.Join(back, ", "))
}
