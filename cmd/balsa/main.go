// Command balsa runs members of a replicated key-value store and looks at them.
//
//	balsa demo                     three members in one process, to try things out
//	balsa serve --name a …         one member of a cluster
//	balsa status --server URL      how the members stand
//
// It exits with 0 when all went well, 1 when something failed and 2 when it was
// called wrongly. What it says of errors goes to standard error, with what to do next.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/balsaraft/balsa"
)

// commandLine is all that balsa understands. Every flag has an environment variable:
// --http is BALSA_HTTP.
type commandLine struct {
	Demo   demoCommand   `cmd:"" help:"Run three members in this process, over real sockets and files, and say what to try."`
	Serve  serveCommand  `cmd:"" help:"Run one member of a cluster."`
	Status statusCommand `cmd:"" help:"Show how the members of a cluster stand."`
}

// console is what a command reads from and writes to.
type console struct {
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
}

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // back to the default, so that a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// run does what the arguments say, until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	parser := kong.Must(&commandLine{},
		kong.Name("balsa"),
		kong.Description("A replicated key-value store on Raft: any member answers, no acknowledged write is lost."),
		kong.DefaultEnvars("BALSA"),
		kong.Writers(c.stdout, c.stderr),
		kong.Bind(c),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(c.stderr, "balsa: %v\nTry: balsa --help, or --help after a command.\n", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintf(c.stderr, "balsa: %s\n", strings.TrimPrefix(err.Error(), "balsa: ")) // the library names itself, too
		if next := advice(err); next != "" {
			fmt.Fprintln(c.stderr, next)
		}
		if errors.Is(err, errUsage) || errors.Is(err, balsa.ErrConfig) {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}
