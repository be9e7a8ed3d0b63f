package room

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of signals.
const (
	SignalHello     = "hello"
	SignalStanding  = "standing"
	SignalOffer     = "offer"
	SignalAnswer    = "answer"
	SignalCandidate = "candidate"
	SignalFailed    = "failed"
	SignalDoors     = "doors"
)

// Word is what two members say to each other through the introducer, sealed. Which
// fields count depends on Kind; unknown kinds are for later versions.
type Word struct {
	Kind        string `json:"kind"`
	Direct      bool   `json:"direct,omitempty"`  // hello: it can do WebRTC
	Version     string `json:"version,omitempty"` // hello: of the program
	Seeking     bool   `json:"seeking,omitempty"` // hello, standing: it belongs to no cluster
	Attempt     string `json:"attempt,omitempty"`
	SDP         string `json:"sdp,omitempty"`         // offer, answer
	Fingerprint string `json:"fingerprint,omitempty"` // offer, answer: "sha-256 AB:CD:…"
	Candidate   string `json:"candidate,omitempty"`
	Mid         string `json:"mid,omitempty"`
	Line        int    `json:"line,omitempty"`
	Reason      string `json:"reason,omitempty"` // failed
	Doors       Doors  `json:"doors,omitempty"`  // doors
}

// DecodeWord reads and checks what was opened. Any error is ErrMessage: who knows the
// secret may still have another version.
func DecodeWord(b []byte) (Word, error) {
	var w Word
	if err := decode(b, &w); err != nil {
		return Word{}, err
	}
	if err := w.check(); err != nil {
		return Word{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return w, nil
}

func (w *Word) check() error {
	switch w.Kind {
	case SignalHello:
		w.Version = cut(w.Version, maxText)
		return nil
	case SignalOffer, SignalAnswer:
		if err := CheckFingerprint(w.SDP, w.Fingerprint); err != nil {
			return err
		}
	case SignalFailed:
		w.Reason = cut(w.Reason, maxText)
	case SignalDoors:
		return w.Doors.check()
	case SignalCandidate:
	default:
		return nil
	}
	if len(w.Attempt) < 8 || len(w.Attempt) > 64 {
		return errors.New("an attempt has 8 to 64 characters")
	}
	return nil
}

// FingerprintOf is that of the certificate which an SDP names, "" if it names none.
func FingerprintOf(sdp string) string {
	for line := range strings.FieldsFuncSeq(sdp, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if value, is := strings.CutPrefix(line, "a=fingerprint:"); is {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// CheckFingerprint says whether an SDP names one certificate, and the one that was
// sealed beside it: then what WebRTC negotiates can be with nobody else.
func CheckFingerprint(sdp, sealed string) error {
	if !strings.HasPrefix(strings.ToLower(sealed), "sha-256 ") {
		return errors.New("a fingerprint is of sha-256")
	}
	found := false
	for line := range strings.FieldsFuncSeq(sdp, func(r rune) bool { return r == '\r' || r == '\n' }) {
		value, is := strings.CutPrefix(line, "a=fingerprint:")
		switch {
		case !is:
		case !strings.EqualFold(strings.TrimSpace(value), sealed):
			return fmt.Errorf("the SDP names another certificate than was sealed: %s", cut(value, maxText))
		default:
			found = true
		}
	}
	if !found {
		return errors.New("the SDP names no certificate")
	}
	return nil
}
