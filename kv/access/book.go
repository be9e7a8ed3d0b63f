package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"sync/atomic"
)

// Digest is the SHA-256 of a token. A token is a long random word, so that its digest
// tells nothing of it, and files with digests are no secrets.
type Digest [sha256.Size]byte

// DigestOf is a token's digest.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

// ParseDigest reads a digest in hexadecimal, as sha256sum prints it.
func ParseDigest(text string) (d Digest, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(d) {
		return d, fmt.Errorf("not a SHA-256 in hexadecimal, %d digits: make one with: printf %%s TOKEN | sha256sum", hex.EncodedLen(len(d)))
	}
	return Digest(b), nil
}

// Entry is a caller, and the digest of the token by which it is known. The zero Digest, to
// which no token leads, is of one who is known by certificate alone.
type Entry struct {
	Caller Caller
	Token  Digest
}

// Book knows callers by their tokens, or by the names that their certificates have. Any goroutine may use it.
type Book struct{ entries atomic.Pointer[[]Entry] }

// NewBook makes a Book. Errors name the caller that cannot be.
func NewBook(entries []Entry) (*Book, error) {
	b := &Book{}
	return b, b.Replace(entries)
}

// Replace puts other callers in the place of all. Calls of callers that are gone end as
// they would have; their next is refused. On an error nothing is replaced.
func (b *Book) Replace(entries []Entry) error {
	names, tokens := map[string]bool{}, map[Digest]string{}
	for i := range entries {
		e := &entries[i]
		if err := e.Caller.check(); err != nil {
			return err
		}
		if names[e.Caller.Name] {
			return fmt.Errorf("there are two callers of the name %s", e.Caller.Name)
		}
		if other := tokens[e.Token]; other != "" && e.Token != (Digest{}) {
			return fmt.Errorf("%s and %s have the same token", other, e.Caller.Name)
		}
		names[e.Caller.Name], tokens[e.Token] = true, e.Caller.Name
	}
	b.entries.Store(&entries)
	return nil
}

// Caller is who a token belongs to. It looks at every token, whatever it is asked for, so
// that the time it takes tells nothing.
func (b *Book) Caller(token string) (found *Caller, known bool) {
	digest := DigestOf(token)
	entries := *b.entries.Load()
	for i := range entries {
		if subtle.ConstantTimeCompare(entries[i].Token[:], digest[:]) == 1 {
			found = &entries[i].Caller
		}
	}
	return found, found != nil
}

// Named is the caller of a name, for who has asked for a certificate and verified it.
func (b *Book) Named(name string) (*Caller, bool) {
	entries := *b.entries.Load()
	for i := range entries {
		if entries[i].Caller.Name == name {
			return &entries[i].Caller, true
		}
	}
	return nil, false
}
