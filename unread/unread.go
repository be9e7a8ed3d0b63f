// Package unread counts the bytes of answers that wait for their readers, over all faces of a
// member, so that those who read slowly or not at all cannot fill its memory. A face asks for
// room before it writes, and gives it back once the answer is written or its reader has gone.
//
// It refuses what is over its bound and writes nothing itself: what a refusal looks like is
// each face's own.
package unread

import (
	"context"
	"sync/atomic"
)

// Light is how large answers may be that are not counted: one on every connection is no more
// than there may be of large ones, and who asks for little is served beside those who do not
// read.
const Light = 64 << 10

// DefaultMost is how many bytes may wait at a time where nobody says otherwise.
const DefaultMost = 256 << 20

// Why is what callers are told who are refused.
const Why = "this member is busy with other large answers, which their readers take slowly; nothing was changed: try again, ask for less, or ask another member"

// Answers are those of one member that are over Light and not written yet. Any goroutine may
// use them.
type Answers struct {
	most  int64
	bytes atomic.Int64
}

// New makes a bound of so many bytes.
func New(most int64) *Answers { return &Answers{most: most} }

// Room counts an answer of so many bytes until done, which is nil if there are too many then.
func (a *Answers) Room(bytes int) (done func()) {
	done = a.Count(bytes)
	if bytes > Light && a.bytes.Load() > a.most {
		done()
		return nil
	}
	return done
}

// Count is Room for what must be answered, since it has happened.
func (a *Answers) Count(bytes int) (done func()) {
	if bytes <= Light {
		return func() {}
	}
	a.bytes.Add(int64(bytes))
	return func() { a.bytes.Add(-int64(bytes)) }
}

// Full says that nothing should be begun that may bring much back and cannot be refused
// later. It is so a little before nobody gets room any more, who asks for various amounts.
func (a *Answers) Full() bool { return a.bytes.Load() >= a.most-a.most/16 }

type key struct{}

// With tells services that a face has beside its own in which answers theirs are counted.
func With(ctx context.Context, a *Answers) context.Context { return context.WithValue(ctx, key{}, a) }

// In is what With has told, and otherwise if nobody has.
func In(ctx context.Context, otherwise *Answers) *Answers {
	if a, told := ctx.Value(key{}).(*Answers); told {
		return a
	}
	return otherwise
}
