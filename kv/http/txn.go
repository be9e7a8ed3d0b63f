package http

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// maxTxn is what the JSON of a transaction may need: what is in it may need half of that.
const maxTxn = 2 * kv.MaxCommand

// transact carries out a transaction: if all conditions hold then these operations, else
// those, all of them at once or none.
func (h handler) transact(w http.ResponseWriter, c call) {
	command, err := commandOf(newDecoder(http.MaxBytesReader(w, c.Body, maxTxn)))
	if err != nil {
		badBody("the transaction", err).write(w)
		return
	}
	if h.answers.Full() {
		crowdedOut().write(w)
		return
	}
	ctx, cancel := h.patient(c)
	defer cancel()
	result, err := c.store.Do(ctx, command)
	if err != nil {
		p := problemOf(err)
		if p.Operation != nil {
			p.In = branch(result)
		}
		p.write(w)
		return
	}
	setIndex(w, result.Index)
	text := encode(outcomeOf(command, result))
	defer h.answers.Count(len(text))()
	writeText(w, http.StatusOK, text)
}

func branch(r kv.Result) string {
	if r.Held {
		return "then"
	}
	return "else"
}

// commandOf reads {"if":[CONDITION…],"then":[OPERATION…],"else":[OPERATION…]}.
func commandOf(d decoder) (c kv.Command, err error) {
	err = d.document(func(name string) error {
		switch name {
		case "if":
			return d.list(kv.MaxOps, func() error {
				condition, err := conditionIn(d)
				c.If = append(c.If, condition)
				return err
			})
		case "then":
			return operationsIn(d, &c.Then)
		case "else":
			return operationsIn(d, &c.Else)
		}
		return errors.New("there is no such part; there are if, then and else")
	})
	return c, err
}

func operationsIn(d decoder, into *[]kv.Op) error {
	return d.list(kv.MaxOps, func() error {
		o, err := operationIn(d)
		*into = append(*into, o)
		return err
	})
}

// outcome is a Result as JSON.
type outcome struct {
	Index balsa.Index `json:"index"`
	Held  bool        `json:"held"`
	// Unmet is the number of the first condition that did not hold, and Version that of
	// its key, 0 if it has no value.
	Unmet   *int         `json:"unmet,omitempty"`
	Version *balsa.Index `json:"version,omitempty"`
	Replies []reply      `json:"replies"`
}

// reply is a kv.Reply as JSON, where its number has the name of what it counts.
type reply struct {
	Op      string     `json:"op"`
	Found   bool       `json:"found"`
	Sum     *int64     `json:"sum,omitempty"`
	Length  *int64     `json:"length,omitempty"`
	Count   *int64     `json:"count,omitempty"`
	Lease   kv.LeaseID `json:"lease,omitempty"`
	Expires time.Time  `json:"expires,omitzero"`
	Items   []Item     `json:"items,omitempty"`
	More    bool       `json:"more,omitempty"`
	Cut     bool       `json:"cut,omitempty"`
}

func outcomeOf(c kv.Command, r kv.Result) outcome {
	o := outcome{Index: r.Index, Held: r.Held, Replies: []reply{}}
	ops := c.Then
	if !r.Held {
		ops, o.Unmet, o.Version = c.Else, &r.Unmet, &r.Version
	}
	for i, answer := range r.Replies {
		o.Replies = append(o.Replies, replyOf(ops[i], answer))
	}
	return o
}

func replyOf(o kv.Op, r kv.Reply) reply {
	shown := reply{Op: nameOf(o), Found: r.Found, Items: itemsOf(r.Items, !o.KeysOnly), More: r.More, Cut: r.Cut}
	switch o.Kind {
	case kv.OpAdd:
		shown.Sum = &r.Number
	case kv.OpAppend:
		shown.Length = &r.Number
	case kv.OpGrant:
		shown.Lease = kv.LeaseID(r.Number)
	case kv.OpKeepAlive:
		if r.Found {
			shown.Expires = time.UnixMilli(r.Number).UTC()
		}
	case kv.OpScan, kv.OpRevoke:
		shown.Count = &r.Number
	case kv.OpDelete:
		if o.End != "" {
			shown.Count = &r.Number
		}
	}
	return shown
}

// nameOf is what an operation is called here.
func nameOf(o kv.Op) string {
	if o.Kind == kv.OpExpire && o.TTL == 0 && o.At.IsZero() {
		return "persist"
	}
	return fmt.Sprint(o.Kind)
}
