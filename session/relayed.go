package session

import (
	"encoding/binary"
	"fmt"
)

// Request is what a caller outside the cluster asks of its own session.
type Request uint8

const (
	// ToRun a command: behind it stand the caller's Envelope and the command.
	ToRun Request = 1
	// ToOpen a session: behind it stands an Opening.
	ToOpen Request = 2
	// ToClose a session: behind it stands the session.
	ToClose Request = 3
)

// CutRequest reads who relays a request and which off the payload of a relayed entry:
//
//	envelope of the member that relays
//	u8       request
//	what belongs to the request
func CutRequest(payload []byte) (relay Envelope, request Request, rest []byte, err error) {
	relay, rest, err = Cut(payload)
	if err != nil {
		return relay, 0, nil, err
	}
	if len(rest) == 0 {
		return relay, 0, nil, fmt.Errorf("%w: nothing is asked", ErrEntry)
	}
	return relay, Request(rest[0]), rest[1:], nil
}

// AppendClosing adds what stands behind ToClose to b.
func AppendClosing(b []byte, id ID) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(id))
}

// DecodeClosing reads what AppendClosing wrote.
func DecodeClosing(b []byte) (ID, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: %d bytes close no session", ErrEntry, len(b))
	}
	return ID(binary.LittleEndian.Uint64(b)), nil
}

// CheckRelayed says whether CutRequest and what follows it would read a payload. What is
// committed is never skipped, so that a malformed one must not come that far.
func CheckRelayed(payload []byte) error {
	_, request, rest, err := CutRequest(payload)
	if err != nil {
		return err
	}
	switch request {
	case ToRun:
		_, _, err = Cut(rest)
	case ToOpen:
		_, err = DecodeOpening(rest)
	case ToClose:
		_, err = DecodeClosing(rest)
	default:
		err = fmt.Errorf("%w: request %d is not known", ErrEntry, request)
	}
	return err
}
