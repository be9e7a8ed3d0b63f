package main

import (
	"errors"
	"net"
	"syscall"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
)

// errUsage says that the command was called wrongly.
var errUsage = errors.New("wrong usage")

// advices says what to do about an error that does not say so itself: the first that it
// is counts.
var advices = []struct {
	is   error
	next string
}{
	{errNotWhole, "Keep the directory. Start this member with an empty one: it comes back as a new one and gets all from the others; or restore a backup."},
	{balsa.ErrBackup, "Nothing was made of it. Use another backup; balsa backup --check FILE says whether one is whole."},
	{balsa.ErrNotEmpty, "Nothing was changed. Choose a --dir that is empty, or not there."},
	{errNewerBackup, "Use the version of balsa that has written it, or a newer one."},
	{balsa.ErrNewerVersion, "Run the newer version of balsa, or start with an empty --dir: the member then comes back as a new one."},
	{balsa.ErrDamaged, "Start this member with an empty --dir: it comes back as a new one and gets all from the others. Keep the damaged directory if it is the only copy."},
	{balsa.ErrNoSpace, "Make room on the disk and start again; nothing that was acknowledged is lost."},
	{syscall.EROFS, "Mount it writable, or use another --dir."},
	{syscall.EADDRINUSE, "Another process listens there. Stop it, or choose another port with --listen, --http or --redis."},
	{syscall.EADDRNOTAVAIL, "No interface of this machine has that address. Choose one that it has."},
	{syscall.ECONNREFUSED, "Nobody listens there. Is the member running? See --server."},
	{client.ErrUnauthenticated, "Give BALSA_TOKEN, --token-file or --token a token that the members know, or --cert a certificate."},
	{balsa.ErrUnknown, "It may have happened: look, before you do it again."},
	{balsa.ErrNoLeader, "A majority of the voters must be up and in touch: balsa status tells who is."},
	{balsa.ErrConfig, "Try: balsa serve --help"},
}

// advice says what to do next, "" if that is not known.
func advice(err error) string {
	for _, a := range advices {
		if errors.Is(err, a.is) {
			return a.next
		}
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		return "No such host is known here. Check the spelling, or give an address."
	}
	return tlsAdvice(err)
}
