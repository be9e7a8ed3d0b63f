package room

import "fmt"

// Code says why an introducer does not do what was asked. It is an error, so that
// errors.Is(err, room.Full) asks for one.
type Code string

const (
	BadMessage   Code = "bad-message"
	TokenMissing Code = "token-missing"
	TokenWrong   Code = "token-wrong"
	TokenExpired Code = "token-expired"
	TokenUsed    Code = "token-used"
	Displaced    Code = "displaced"
	WrongRoom    Code = "wrong-room"
	TooLarge     Code = "too-large"
	Full         Code = "room-full"
	TooManyRooms Code = "too-many-rooms"
	TooFast      Code = "too-fast"
	TooSlow      Code = "too-slow"
	GoingAway    Code = "going-away"
	NoSuchSeat   Code = "no-such-seat" // this and the next are not final
	Congested    Code = "congested"
	Busy         Code = "busy"
	// BadOrigin is an answer to the HTTP request, before there is a WebSocket.
	BadOrigin Code = "origin"
)

func (c Code) Error() string { return string(c) }

// closeCodes are the final ones, with the code that closes the WebSocket.
var closeCodes = map[Code]int{
	BadMessage: 4400, TokenMissing: 4401, TokenWrong: 4402, TokenExpired: 4403, TokenUsed: 4404, WrongRoom: 4405,
	Displaced: 4409, TooLarge: 4413, Full: 4423, TooManyRooms: 4424, TooFast: 4429, TooSlow: 4430, Busy: 4503, GoingAway: 4501,
}

// CloseCode is what the WebSocket is closed with, or 0 if it goes on.
func (c Code) CloseCode() int { return closeCodes[c] }

// Retry says whether the same may go well a while later. Unknown codes may.
func (c Code) Retry() bool {
	switch c {
	case BadMessage, TokenMissing, TokenWrong, TokenExpired, TokenUsed, WrongRoom, Displaced, TooLarge, BadOrigin:
		return false
	}
	return true
}

// CodeOf is the code that a WebSocket was closed with, or "" if it is none of ours.
func CodeOf(closed int) Code {
	for code, c := range closeCodes {
		if c == closed {
			return code
		}
	}
	return ""
}

// Error is a code with a sentence for people. It Is its code.
type Error struct {
	Code    Code
	Message string
	Seat    Seat // whom it is about, or 0
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

// Unwrap gives the code to errors.Is.
func (e *Error) Unwrap() error { return e.Code }

// Fail makes an Error.
func Fail(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
