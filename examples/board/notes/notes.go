// Package notes is what all members of the board share, servers and windows: the state
// machine.
package notes

import "github.com/balsaraft/balsa"

// Note is a note on the board; X and Y are in percent of its width and height.
type Note struct {
	Text string  `json:"text"`
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
}

// Command puts a note where it is to be, or takes it away if it says nothing.
type Command struct {
	ID   string `json:"id"`
	Note Note   `json:"note"`
}

// Board is all notes, by their identity.
type Board = map[string]Note

// New is an empty board. The result of a command is how many notes there are.
func New() *balsa.State[Board, Command, int] {
	return balsa.Func(Board{}, func(b *Board, _ balsa.Entry, c Command) int {
		if c.Note.Text == "" {
			delete(*b, c.ID)
		} else {
			(*b)[c.ID] = c.Note
		}
		return len(*b)
	})
}
