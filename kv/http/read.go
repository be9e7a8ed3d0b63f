package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// indexHeader says up to which index an answer has read, or at which it has written. Given
// to ?at-least, a later read on any member sees no less.
const indexHeader = "Balsa-Index"

// readOptions are what ?stale, ?lease and ?at-least ask for.
func readOptions(query url.Values) (options []balsa.ReadOption, err error) {
	if query.Has("stale") {
		age, err := time.ParseDuration(query.Get("stale"))
		if err != nil || age <= 0 {
			return nil, fmt.Errorf("stale=%s: it is how old the answer may be, such as 5s or 200ms", query.Get("stale"))
		}
		options = append(options, balsa.Stale(age))
	}
	lease, err := isSet(query, "lease")
	if err != nil {
		return nil, err
	}
	if lease {
		options = append(options, balsa.Lease())
	}
	if query.Has("at-least") {
		index, err := indexOf(query, "at-least")
		if err != nil {
			return nil, err
		}
		options = append(options, balsa.AtLeast(index))
	}
	if len(options) > 1 {
		return nil, errors.New("stale, lease and at-least exclude each other; give one")
	}
	return options, nil
}

// indexOf reads a parameter that is an index, 0 if it is not given.
func indexOf(query url.Values, name string) (balsa.Index, error) {
	if !query.Has(name) {
		return 0, nil
	}
	i, err := strconv.ParseUint(query.Get(name), 10, 64)
	if err != nil || i == 0 {
		return 0, fmt.Errorf("%s=%s: it is an index, a whole number from 1 on", name, query.Get(name))
	}
	return balsa.Index(i), nil
}

// view is the store as the query wants to see it. A caller who may not read the range is
// told before it costs anything.
func (h handler) view(ctx context.Context, c call, r kv.Range) (*kv.View, *problem) {
	options, err := readOptions(c.query)
	if err != nil {
		return nil, badRequest(err)
	}
	at, err := indexOf(c.query, "at")
	if err != nil {
		return nil, badRequest(err)
	}
	if err := c.caller.NeedRange(access.Read, r); err != nil {
		return nil, problemOf(err)
	}
	v, err := c.store.View(ctx, options...)
	if err != nil {
		return nil, problemOf(err)
	}
	if at == 0 {
		return v, nil
	}
	earlier, err := v.At(at)
	if err != nil {
		return nil, problemOf(errors.Join(err, v.Close()))
	}
	return earlier, nil
}

func setIndex(w http.ResponseWriter, i balsa.Index) {
	w.Header().Set(indexHeader, strconv.FormatUint(uint64(i), 10))
}
