package room

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Nonce tells one connection to the introducer from all others. It is random, and new
// for each.
type Nonce [NonceSize]byte

// End is one end of what is sealed: a member, on one connection.
type End struct {
	Member string
	Nonce  Nonce
}

// Purpose says what was sealed, so that neither can be taken for the other.
type Purpose string

const (
	Signal Purpose = "signal" // a word between two members
	Relay  Purpose = "relay"  // a frame of a stream
)

// Overhead is by how many bytes sealing makes something longer.
const Overhead = 16

// ErrSeal says that something was not sealed by who is said to have, for this member on
// this connection, or was seen before. It is dropped.
var ErrSeal = errors.New("what came through the introducer does not open: not from who it says, not for this connection, or seen before")

// Counter numbers all that one connection seals, whomever it is for. It only grows, so
// that no key is used twice with one number, whatever nonces others are said to have.
// It has one owner, as its Boxes do.
type Counter struct{ last uint64 }

// Box seals for one other member and opens what comes from it. One goroutine may seal
// beside one that opens.
type Box struct {
	counter *Counter
	out, in cipher.AEAD
	opened  uint64 // the largest counter opened
}

// NewBox is for what own and peer say to each other on their present connections.
func (k Keys) NewBox(own, peer End, counter *Counter) (*Box, error) {
	out, err := k.between(own, peer)
	if err != nil {
		return nil, err
	}
	in, err := k.between(peer, own)
	return &Box{counter: counter, out: out, in: in}, err
}

// between is the cipher of one direction: nobody can give back to a member what it said
// itself, because its direction has another key.
func (k Keys) between(from, to End) (cipher.AEAD, error) {
	key, err := k.pairKey(from, to)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k Keys) pairKey(from, to End) ([]byte, error) {
	if len(k.root) == 0 {
		return nil, fmt.Errorf("%w: no keys", ErrSecret)
	}
	salt := append(from.Nonce[:], to.Nonce[:]...)
	return expand(k.root, salt, "balsa room 1 seal\x00"+from.Member+"\x00"+to.Member, 32)
}

// Seal appends the sealed plain text to dst and says its counter.
func (b *Box) Seal(dst []byte, purpose Purpose, plain []byte) (counter uint64, sealed []byte) {
	b.counter.last++
	return b.counter.last, b.out.Seal(dst, ivOf(b.counter.last), plain, []byte(purpose))
}

// Open appends what was sealed to dst. Any error is ErrSeal, and nothing has changed.
func (b *Box) Open(dst []byte, purpose Purpose, counter uint64, sealed []byte) ([]byte, error) {
	if counter <= b.opened {
		return nil, ErrSeal
	}
	plain, err := b.in.Open(dst, ivOf(counter), sealed, []byte(purpose))
	if err != nil {
		return nil, ErrSeal
	}
	b.opened = counter
	return plain, nil
}

func ivOf(counter uint64) []byte {
	var iv [12]byte
	binary.LittleEndian.PutUint64(iv[4:], counter)
	return iv[:]
}
