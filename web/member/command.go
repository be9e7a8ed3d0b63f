package main

import "bytes"

// command is what the page proposes, as its JSON. That it is used by a pointer, as result
// is, makes one compilation of the library do for both, and this program smaller.
type command struct{ text []byte }

// MarshalBinary gives the text itself: that is what stands in the log.
func (c *command) MarshalBinary() ([]byte, error) { return c.text, nil }

// UnmarshalBinary reads what MarshalBinary gave.
func (c *command) UnmarshalBinary(text []byte) error {
	c.text = bytes.Clone(text)
	return nil
}
