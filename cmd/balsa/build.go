package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand says which program this is: the first question about anything that went
// wrong.
type versionCommand struct {
	JSON bool `name:"json" help:"Print it as JSON."`
}

// build is how a program came about.
type build struct {
	Version  string `json:"version"`            // (devel) of one that was built from sources
	Revision string `json:"revision,omitempty"` // of the sources, where the build knew it
	Modified bool   `json:"modified,omitempty"` // they were changed since
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, known := debug.ReadBuildInfo()
	if !known {
		return b
	}
	b.Version = cmp.Or(info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	text := "balsa " + b.Version
	if b.Revision != "" {
		text += ", revision " + b.Revision
	}
	if b.Modified {
		text += " with changes"
	}
	return fmt.Sprintf("%s, %s, %s", text, b.Go, b.Platform)
}

// Run prints a line.
func (v versionCommand) Run(c console) error {
	if v.JSON {
		return printJSON(c.stdout, thisBuild())
	}
	_, err := fmt.Fprintln(c.stdout, thisBuild())
	return err
}
