package http

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

func etag(version balsa.Index) string {
	return fmt.Sprintf("%q", strconv.FormatUint(uint64(version), 10))
}

// conditionOf turns If-Match and If-None-Match of a write into a Condition. More than a
// command can compare is refused rather than compared in part.
func conditionOf(r *http.Request) (kv.Condition, error) {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	switch {
	case len(match) == 0 && len(none) == 0:
		return kv.Condition{}, nil
	case len(match) > 0 && len(none) > 0:
		return kv.Condition{}, errors.New("If-Match and If-None-Match together; send one")
	case len(none) > 0 && (len(none) > 1 || none[0] != "*"):
		return kv.Condition{}, fmt.Errorf("If-None-Match: %s; a write takes * alone, for a key without a value", strings.Join(none, ", "))
	case len(none) > 0:
		return kv.IfAbsent(), nil
	case len(match) == 1 && match[0] == "*":
		return kv.IfExists(), nil
	}
	version, err := versionOf(strings.Join(match, ", "))
	return kv.IfVersion(version), err
}

func versionOf(tag string) (balsa.Index, error) {
	digits, quoted := strings.CutPrefix(tag, `"`)
	digits, ended := strings.CutSuffix(digits, `"`)
	version, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !quoted || !ended {
		return 0, fmt.Errorf(`If-Match: %s; it takes one ETag of this key, such as "12" with its quotes, or *`, tag)
	}
	return balsa.Index(version), nil
}

// matches says whether header fields list a tag, by strong comparison, as If-Match has it
// (RFC 9110 §8.8.3.2).
func matches(fields []string, tag string) bool {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == tag {
				return true
			}
		}
	}
	return false
}

// lists is matches by weak comparison, as If-None-Match has it.
func lists(fields []string, tag string) bool {
	return matches(fields, tag) || matches(fields, "W/"+tag)
}

// What a condition of a transaction can be about and how it compares, by name.
var (
	fieldsOf = map[string]kv.Field{
		"version": kv.VersionOf, "created": kv.CreationOf, "changes": kv.ChangesOf, "lease": kv.LeaseOf, "value": kv.ValueOf,
	}
	comparisons = map[string]kv.Comparison{"=": kv.Equal, "!=": kv.NotEqual, "<": kv.Less, ">": kv.Greater}
)

// conditionIn reads {"key":"color","of":"version","is":"=","number":12}, or, of a value,
// {"key":"color","of":"value","is":"=","value":"red"}.
func conditionIn(d decoder) (c kv.Condition, err error) {
	given := map[string]bool{}
	err = d.object(func(name string) (err error) {
		plain := strings.TrimSuffix(name, "64")
		if given[plain] {
			return fmt.Errorf("%s and %s64 exclude each other", brief(plain), brief(plain))
		}
		given[plain] = true
		switch name {
		case "key", "key64":
			c.Key, err = d.keyIn(name)
		case "of":
			c.Of, err = named(d, fieldsOf)
		case "is":
			c.Is, err = named(d, comparisons)
		case "number":
			c.Number, err = d.uint()
		case "value", "value64":
			c.Value, err = d.bytesIn(name)
		default:
			err = errors.New("there is no such field; there are key, of, is, number and value")
		}
		return err
	})
	if err != nil {
		return c, err
	}
	for _, name := range [...]string{"key", "of", "is"} {
		if !given[name] {
			return c, fmt.Errorf("a condition needs %s", name)
		}
	}
	if ofValue := c.Of == kv.ValueOf; given["value"] != ofValue || given["number"] == ofValue {
		return c, errors.New("a condition of a value needs a value, and all others a number")
	}
	return c, nil
}

// named reads a word that stands for something.
func named[T any](d decoder, words map[string]T) (found T, err error) {
	word, err := d.text()
	if err != nil {
		return found, err
	}
	found, known := words[word]
	if !known {
		return found, fmt.Errorf("%q is none of %s", brief(word), strings.Join(slices.Sorted(maps.Keys(words)), " "))
	}
	return found, nil
}
