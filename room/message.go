package room

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// Protocol is the version of what members and introducers say to each other.
	Protocol = 1
	// Subprotocol is its name in the handshake of a WebSocket.
	Subprotocol = "balsa.room.1"
	// Path is where an introducer answers.
	Path = "/room"
	// MaxText bounds a text message, in bytes.
	MaxText = MaxSealed + 1<<10
	// MaxSealed bounds what a signal carries, in bytes of base64.
	MaxSealed = 64 << 10
	// MaxToken bounds a token, in bytes.
	MaxToken = 1 << 10
	// maxText bounds the other texts of a message, in characters.
	maxText = 512
)

// ErrMessage is under every error about the form of a message.
var ErrMessage = errors.New("malformed message")

// Seat is the introducer's number for one connection of a room. It is a hint: who sits
// there is known by what opens.
type Seat uint32

// Peer is someone in a room, as the introducer tells it.
type Peer struct {
	Seat   Seat   `json:"seat"`
	Member string `json:"member"`
	Nonce  []byte `json:"nonce"`
}

// End is what is sealed to a peer.
func (p Peer) End() End { return End{p.Member, Nonce(p.Nonce)} }

func (p Peer) check() error {
	switch {
	case p.Seat == 0:
		return errors.New("a seat is a number from 1 on")
	case len(p.Nonce) != NonceSize:
		return fmt.Errorf("a nonce has %d bytes", NonceSize)
	}
	return CheckMember(p.Member)
}

// Types of messages from a member.
const (
	TypeHello  = "hello"
	TypeSignal = "signal" // both ways
	TypePing   = "ping"
)

// Types of messages from an introducer.
const (
	TypeWelcome = "welcome"
	TypeJoined  = "joined"
	TypeLeft    = "left"
	TypePong    = "pong"
	TypeError   = "error"
)

// Said is a message from a member. Which fields count depends on Type.
type Said struct {
	Type     string `json:"type"`
	Protocol int    `json:"protocol,omitempty"` // hello
	Room     ID     `json:"room,omitempty"`
	Member   string `json:"member,omitempty"`
	Nonce    []byte `json:"nonce,omitempty"`
	Token    string `json:"token,omitempty"`
	To       Seat   `json:"to,omitempty"` // signal
	Counter  uint64 `json:"counter,omitempty"`
	Sealed   []byte `json:"sealed,omitempty"`
}

// Told is a message from an introducer. Which fields count depends on Type.
type Told struct {
	Type       string      `json:"type"`
	Seat       Seat        `json:"seat,omitempty"` // welcome, left, error
	Peers      []Peer      `json:"peers,omitempty"`
	ICEServers []ICEServer `json:"iceServers,omitempty"`
	Limits     *Limits     `json:"limits,omitempty"`
	Resume     string      `json:"resume,omitempty"`
	Settling   int64       `json:"settling,omitempty"` // welcome: milliseconds until who belongs here is back
	Peer       *Peer       `json:"peer,omitempty"`     // joined
	From       Seat        `json:"from,omitempty"`     // signal
	Counter    uint64      `json:"counter,omitempty"`
	Sealed     []byte      `json:"sealed,omitempty"`
	Code       Code        `json:"code,omitempty"` // error
	Message    string      `json:"message,omitempty"`
}

// ICEServer is a STUN or TURN server, in the form of RTCPeerConnection's configuration.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Limits are what an introducer bears.
type Limits struct {
	Members           int `json:"members"`           // in one room
	Signal            int `json:"signal"`            // bytes of base64
	Relay             int `json:"relay"`             // bytes of a binary message
	MessagesPerSecond int `json:"messagesPerSecond"` // of text
	BytesPerSecond    int `json:"bytesPerSecond"`
}

// DecodeSaid reads and checks what a member said. Any error is ErrMessage.
func DecodeSaid(b []byte) (Said, error) {
	var m Said
	if err := decode(b, &m); err != nil {
		return Said{}, err
	}
	if err := m.check(); err != nil {
		return Said{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return m, nil
}

func (m *Said) check() error {
	switch m.Type {
	case TypeHello:
		return m.checkHello()
	case TypeSignal:
		return checkSignal(m.To, m.Counter, m.Sealed)
	case TypePing:
		return nil
	}
	return unknownType(m.Type)
}

func (m *Said) checkHello() error {
	switch {
	case m.Protocol != Protocol:
		return fmt.Errorf("protocol %d; this program speaks %d", m.Protocol, Protocol)
	case len(m.Nonce) != NonceSize:
		return fmt.Errorf("a nonce has %d bytes", NonceSize)
	case len(m.Token) > MaxToken:
		return fmt.Errorf("a token has at most %d bytes", MaxToken)
	}
	return errors.Join(CheckID(m.Room), CheckMember(m.Member))
}

// DecodeTold reads and checks what an introducer told: it is trusted with nothing, so
// not with its own messages either. Any error is ErrMessage.
func DecodeTold(b []byte) (Told, error) {
	var m Told
	if err := decode(b, &m); err != nil {
		return Told{}, err
	}
	if err := m.check(); err != nil {
		return Told{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return m, nil
}

func (m *Told) check() error {
	switch m.Type {
	case TypeWelcome:
		return m.checkWelcome()
	case TypeJoined:
		if m.Peer == nil {
			return errors.New("joined says nobody")
		}
		return m.Peer.check()
	case TypeLeft:
		return nil
	case TypePong:
		return nil
	case TypeSignal:
		return checkSignal(m.From, m.Counter, m.Sealed)
	case TypeError:
		if len(m.Code) > maxText {
			return errors.New("an error's code is too long")
		}
		m.Message = cut(m.Message, maxText)
		return nil
	}
	return unknownType(m.Type)
}

func (m *Told) checkWelcome() error {
	if m.Limits == nil || m.Limits.Relay <= RelayHeader+Overhead+StreamHeader || m.Seat == 0 {
		return errors.New("a welcome says the seat and its limits")
	}
	if len(m.Resume) > MaxToken {
		return fmt.Errorf("a token has at most %d bytes", MaxToken)
	}
	for _, p := range m.Peers {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func checkSignal(seat Seat, counter uint64, sealed []byte) error {
	switch {
	case seat == 0:
		return errors.New("a signal has a seat")
	case counter == 0 || counter >= 1<<53:
		return errors.New("a counter is a number from 1 to 2^53")
	case len(sealed) < Overhead:
		return errors.New("a signal is sealed")
	}
	return nil
}

func unknownType(t string) error { return fmt.Errorf("nobody says %q here", cut(t, 32)) }

// decode reads one JSON object and nothing behind it.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: more than one object", ErrMessage)
	}
	return nil
}

// cut shortens a text from outside, and leaves whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
