package http

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder reads JSON as it comes, and takes nothing for what it is not: no unknown or
// repeated names, no null, no number that does not fit, no text that would change by
// being read. encoding/json lets all of that pass. Nesting is what the grammar of the
// caller allows, and lists are bounded while they are read, so memory stays in
// proportion to the input.
type decoder struct{ json *json.Decoder }

func newDecoder(r io.Reader) decoder { return decoder{json.NewDecoder(r)} }

// pathError says where in the document something is wrong.
type pathError struct {
	path string // such as then[3].ttl
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// at puts a step of the path before what is known of it.
func at(step string, err error) error {
	var inner *pathError
	if !errors.As(err, &inner) {
		return &pathError{step, err}
	}
	if !strings.HasPrefix(inner.path, "[") {
		step += "."
	}
	return &pathError{step + inner.path, inner.err}
}

// document reads one object and makes sure that nothing follows.
func (d decoder) document(field func(name string) error) error {
	if err := d.object(field); err != nil {
		return err
	}
	_, err := d.json.Token()
	if err == nil {
		return errors.New("something follows after the end of the object")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return whole(err)
}

// object reads an object; field reads the value of each name.
func (d decoder) object(field func(name string) error) error {
	if err := d.delimiter('{', "an object"); err != nil {
		return err
	}
	var seen []string
	for d.json.More() {
		token, err := d.json.Token()
		if err != nil {
			return whole(err)
		}
		name, _ := token.(string) // the tokenizer has seen to it
		if slices.Contains(seen, name) {
			return fmt.Errorf("%q is there twice", brief(name))
		}
		seen = append(seen, name)
		if err := field(name); err != nil {
			return at(brief(name), err)
		}
	}
	return d.delimiter('}', "the end of the object")
}

// list reads an array of at most so many elements, each by a call.
func (d decoder) list(most int, element func() error) error {
	if err := d.delimiter('[', "a list"); err != nil {
		return err
	}
	for i := 0; d.json.More(); i++ {
		if i == most {
			return fmt.Errorf("there are more than %d, which is the limit", most)
		}
		if err := element(); err != nil {
			return at(fmt.Sprintf("[%d]", i), err)
		}
	}
	return d.delimiter(']', "the end of the list")
}

func (d decoder) delimiter(want json.Delim, what string) error {
	token, err := d.json.Token()
	if err != nil {
		return whole(err)
	}
	if token != want {
		return fmt.Errorf("want %s", what)
	}
	return nil
}

// whole says of JSON that breaks off that it does.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends before it is complete")
	}
	return err
}

// scalar reads a value as it was written. Whoever asks looks at its kind.
func (d decoder) scalar() (json.RawMessage, error) {
	var raw json.RawMessage
	if err := d.json.Decode(&raw); err != nil {
		return nil, whole(err)
	}
	return raw, nil
}

func (d decoder) text() (string, error) {
	raw, err := d.scalar()
	if err != nil {
		return "", err
	}
	if raw[0] != '"' {
		return "", errors.New("want a string")
	}
	if !utf8.Valid(raw) || hasLoneSurrogate(raw) {
		return "", errors.New("the string is not valid Unicode; send such bytes as base64, in key64 or value64")
	}
	var text string
	err = json.Unmarshal(raw, &text)
	return text, err
}

// hasLoneSurrogate looks for halves of \uD83D\uDE00 that stand alone: they would be read
// as U+FFFD.
func hasLoneSurrogate(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return false
		}
		raw = raw[i:]
		switch surrogate(raw) {
		case 0:
			raw = raw[2:]
		case 1:
			if raw = raw[len(`\uD83D`):]; surrogate(raw) != 2 {
				return true
			}
			raw = raw[len(`\uDE00`):]
		default:
			return true
		}
	}
}

// surrogate is 1 for an escape of the first half of a pair, 2 for one of the second.
func surrogate(escape []byte) int {
	if len(escape) < 6 || escape[0] != '\\' || escape[1] != 'u' {
		return 0
	}
	r, err := strconv.ParseUint(string(escape[2:6]), 16, 16)
	switch {
	case err == nil && r >= 0xd800 && r < 0xdc00:
		return 1
	case err == nil && r >= 0xdc00 && r < 0xe000:
		return 2
	}
	return 0
}

// base64 reads bytes that are no text.
func (d decoder) base64() ([]byte, error) {
	text, err := d.text()
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("want base64 with padding, of the alphabet that ends with + and /")
	}
	return b, nil
}

// number reads a whole number that is written as one: 1e3 and 1.0 are not.
func number[T int64 | uint64](d decoder, parse func(string, int, int) (T, error)) (T, error) {
	raw, err := d.scalar()
	if err != nil {
		return 0, err
	}
	n, err := parse(string(raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("want a whole number of 64 bits that fits here, not %s", brief(raw))
	}
	return n, nil
}

func (d decoder) int() (int64, error)   { return number(d, strconv.ParseInt) }
func (d decoder) uint() (uint64, error) { return number(d, strconv.ParseUint) }

func (d decoder) bool() (bool, error) {
	raw, err := d.scalar()
	switch {
	case err != nil:
		return false, err
	case string(raw) == "true":
		return true, nil
	case string(raw) == "false":
		return false, nil
	}
	return false, fmt.Errorf("want true or false, not %s", brief(raw))
}

// brief is the start of what somebody has sent.
func brief[T ~string | ~[]byte](text T) string {
	const enough = 40
	if len(text) > enough {
		return string(text[:enough]) + "…"
	}
	return string(text)
}
