package room

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// ID names a room to the introducer: 32 hexadecimal digits that give neither the room's
// name nor its secret away.
type ID string

// Keys are what a room's secret is turned into. They hold the secret's power: they
// print as the room's identity alone.
type Keys struct {
	id   ID
	root []byte
}

const (
	// MinSecret is the shortest secret, in bytes. It must be random: whoever knows a
	// room's identity can try out guesses without asking anyone.
	MinSecret = 16
	// MaxName bounds the name of a room, in bytes.
	MaxName = 128
	// MaxMember bounds the name of a member, in bytes.
	MaxMember = 64
	// NonceSize is that of a connection's nonce, in bytes.
	NonceSize = 16
)

var (
	// ErrSecret says that a secret is too short.
	ErrSecret = fmt.Errorf("a room's secret needs at least %d random bytes", MinSecret)
	// ErrName says that the name of a room or member is out of form.
	ErrName = errors.New("malformed name")
)

// Derive turns a room's name and secret into its keys. Errors are ErrSecret and
// ErrName.
func Derive(name string, secret []byte) (Keys, error) {
	if len(secret) < MinSecret {
		return Keys{}, ErrSecret
	}
	if err := checkName(name); err != nil {
		return Keys{}, err
	}
	id, err := expand(secret, []byte(name), "balsa room 1 identity", 16)
	if err != nil {
		return Keys{}, err
	}
	root, err := expand(secret, []byte(name), "balsa room 1 root", 32)
	return Keys{id: ID(hex.EncodeToString(id)), root: root}, err
}

func checkName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return fmt.Errorf("%w: a room's has 1 to %d bytes of UTF-8", ErrName, MaxName)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: a room's has no control characters", ErrName)
		}
	}
	return nil
}

// ID is what the introducer knows the room by.
func (k Keys) ID() ID { return k.id }

// String prints the room's identity, and no key.
func (k Keys) String() string { return "room " + string(k.id) }

// GoString is String, so that %#v shows no key either.
func (k Keys) GoString() string { return k.String() }

func expand(key, salt []byte, info string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, key, salt, info, size)
}

// CheckMember says whether a member's name has the form that all agree on.
func CheckMember(name string) error {
	if name == "" || len(name) > MaxMember {
		return fmt.Errorf("%w: a member's has 1 to %d characters", ErrName, MaxMember)
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("%w: a member's has letters, digits, dots, dashes and underscores", ErrName)
		}
	}
	return nil
}

// CheckID says whether a room's identity has the form of one.
func CheckID(id ID) error {
	if len(id) != 32 {
		return fmt.Errorf("%w: a room's identity has 32 hexadecimal digits", ErrName)
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("%w: a room's identity has 32 lowercase hexadecimal digits", ErrName)
		}
	}
	return nil
}
