// Command balsa runs members of a replicated key-value store and looks at them.
//
//	balsa demo                     three members in one process, to try things out
//	balsa serve --name a …         one member of a cluster
//	balsa introduce                lets windows of browsers meet
//	balsa keep --reducer FILE …    a server of what windows of browsers share
//	balsa status --server URL      how the members stand
//	balsa kv get KEY               a client; put, del, cas, scan, watch and lock, too
//	balsa bench                    load, throughput and latency
//	balsa certs --members a,b,c    certificates for TLS
//	balsa members                  who they are; add, remove, promote and transfer change that
//	balsa backup FILE              what a cluster holds, while it serves on
//	balsa restore FILE --dir DIR   a new cluster out of a backup; --running: into one that runs
//	balsa snapshot                 a member takes a snapshot now
//	balsa log verify DIR           whether a stopped member's files are whole; dump prints them
//	balsa recover --dir DIR        go on with one member when the majority is lost for good
//	balsa version                  which program this is
//	balsa completion SHELL         a script that completes command lines in a shell
//
// It exits with 0 when all went well, 1 when something failed and has not happened, 2 when
// it was called wrongly, 3 when the answer is no (there is no such key, a condition does not
// hold), and 4 when it may have happened; kv lock with the exit code of the command that it
// has run. What it says of errors goes to standard error, with what to do next.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// commandLine is all that balsa understands. Every flag has an environment variable:
// --http is BALSA_HTTP.
type commandLine struct {
	Demo      demoCommand      `cmd:"" help:"Run three members in this process, over real sockets and files, and say what to try."`
	Serve     serveCommand     `cmd:"" help:"Run one member of a cluster."`
	Introduce introduceCommand `cmd:"" help:"Let windows of browsers, and programs, meet in rooms; serve the pages for a try."`
	Keep      keepCommand      `cmd:"" help:"Run a server that keeps what windows of browsers share: a member with their reducer, and a door for them."`
	Status    statusCommand    `cmd:"" help:"Show how the members of a cluster stand."`

	KV    kvCommand    `cmd:"" name:"kv" help:"Read and write keys of a cluster."`
	Bench benchCommand `cmd:"" help:"Put load on a cluster, and say how much it takes and how fast it answers."`

	Certs    certsCommand    `cmd:"" help:"Make an authority for a cluster, and certificates of members and callers; revoke them."`
	Members  membersCommand  `cmd:"" help:"List the members, as the leader sees them."`
	Add      addCommand      `cmd:"" help:"Make a process that runs and waits a member, and wait until it votes."`
	Remove   removeCommand   `cmd:"" help:"Remove a member."`
	Promote  promoteCommand  `cmd:"" help:"Make a voter of a learner, once it has caught up."`
	Transfer transferCommand `cmd:"" help:"Make a voter lead."`

	Snapshot snapshotCommand `cmd:"" help:"Let a member take a snapshot now, and wait until it is on the disk."`
	Backup   backupCommand   `cmd:"" help:"Write what a cluster holds into a file, while it serves on."`
	Restore  restoreCommand  `cmd:"" help:"Make of a backup the first member of a new cluster, or what the running one holds."`
	Log      logCommand      `cmd:"" name:"log" help:"Look into the files of a member that does not run."`
	Recover  recoverCommand  `cmd:"" help:"Make one stopped member the only one of a new cluster, when the majority is lost for good."`

	Version    versionCommand    `cmd:"" help:"Say which program this is."`
	Completion completionCommand `cmd:"" help:"Print a script that completes command lines in bash, zsh or fish."`
	Complete   completeCommand   `cmd:"" hidden:"" help:"Print what a word of a command line may become; the scripts of balsa completion call it."`
}

// console is what a command reads from and writes to.
type console struct {
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
}

// quiet is where progress goes: nowhere for a program that reads JSON.
func (c console) quiet(json bool) io.Writer {
	if json {
		return nil
	}
	return c.stderr
}

// runsMembers are the commands whose processes live for long, and wait most of the time.
var runsMembers = map[string]bool{"serve": true, "keep": true, "demo": true}

func main() {
	if len(os.Args) > 1 && runsMembers[os.Args[1]] {
		restWatchdog()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // back to the default, so that a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// run does what the arguments say, until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	if len(args) == 0 {
		return introduceItself(c)
	}
	parser := newParser(ctx, c)
	parsed, err := parser.Parse(spoken(args))
	if err != nil {
		fmt.Fprintf(c.stderr, "balsa: %v\nTry: balsa --help, or --help after a command.\n", plain(err))
		return exitUsage
	}
	err = parsed.Run()
	if err != nil && !errors.As(err, new(exitError)) { // what was run has said itself why
		fmt.Fprintf(c.stderr, "balsa: %s\n", strings.TrimPrefix(err.Error(), "balsa: ")) // the library names itself, too
		if next := advice(err); next != "" {
			fmt.Fprintln(c.stderr, next)
		}
	}
	return exitCode(err)
}

func newParser(ctx context.Context, c console, options ...kong.Option) *kong.Kong {
	return kong.Must(&commandLine{}, append([]kong.Option{
		kong.Name("balsa"),
		kong.Description("A replicated key-value store on Raft: any member answers, no acknowledged write is lost."),
		kong.DefaultEnvars("BALSA"),
		kong.Writers(c.stdout, c.stderr),
		kong.Bind(c),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	}, options...)...)
}

// introduceItself says what there is to who has asked for nothing yet.
func introduceItself(c console) int {
	c.stdout = c.stderr
	parser := newParser(context.Background(), c, kong.Exit(func(int) {}))
	_, _ = parser.Parse([]string{"--help"}) // it goes on to miss a command
	fmt.Fprintln(c.stderr, "\nTry: balsa demo")
	return exitUsage
}

// spoken are arguments that people give out of habit, as this program has them.
func spoken(args []string) []string {
	switch {
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version" && len(args) == 1:
		return []string{"version"}
	}
	return args
}

// plain is an error of the parser in words.
func plain(err error) error {
	if flag, _, missing := strings.Cut(err.Error(), ": expected "); missing && strings.HasSuffix(err.Error(), `"EOL" (<EOL>)`) {
		return errors.New(flag + ": its value is missing")
	}
	return err
}
